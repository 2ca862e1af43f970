"""One's own account: profile, password, mails, export, deletion."""

import json
import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts.models import EndReason, Session, User
from accounts.services import exports, mails, passwords, profile, sign_in
from accounts.services.tickets import redeem_ticket
from accounts.services.tokens import read_access
from accounts.tests.factories import PASSWORD, make_user
from alice.common.errors import Invalid
from system.models import AuditEntry, Job
from system.tasks import run_job

ME, PASSWORD_URL = "/api/auth/me", "/api/auth/password"
RESET, RESET_CONFIRM = "/api/auth/password/reset", "/api/auth/password/reset/confirm"
VERIFY, VERIFICATION = "/api/auth/email/verify", "/api/auth/email/verification"
NEW_PASSWORD = "another-Zebra-7-lantern"

pytestmark = pytest.mark.django_db


def run_all_jobs():
    for job in Job.objects.filter(status="queued").order_by("pk"):
        run_job(job.pk)


def token_in(message):
    return re.search(r"token=(\S+)", message.body)[1].replace("%3A", ":")


def test_me_shows_the_keys_of_the_contract(alice):
    me = alice.get(ME).json()

    assert set(me) == {"id", "username", "email", "role", "email_verified_at", "created_at"}
    assert (me["username"], me["role"]) == ("alice", "user")


def test_staff_have_the_role_admin(staff):
    assert staff.get(ME).json()["role"] == "admin"


def test_a_new_name_is_stored_normalized(alice):
    response = alice.patch(ME, {"username": " Ａlicia "})

    assert response.status_code == 200
    assert response.json()["username"] == "Alicia"
    assert response.json()["email"] == "alice@example.com"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "BOB"}, "username"),
        ({"username": "no spaces"}, "username"),
        ({"username": ""}, "username"),
        ({"email": "bob@example.com", "current_password": PASSWORD}, "email"),
        ({"email": "no address", "current_password": PASSWORD}, "email"),
        ({"email": "new@example.com"}, "current_password"),
        ({"email": "new@example.com", "current_password": "wrong"}, "current_password"),
    ],
)
def test_a_refused_change_changes_nothing(alice, bob, body, field):
    before = alice.get(ME).json()

    response = alice.patch(ME, body)

    assert response.status_code == 400
    assert field in response.json()["errors"]
    assert alice.get(ME).json() == before
    assert not Job.objects.exists()


def test_role_id_and_dates_are_not_writable(alice):
    before = alice.get(ME).json()

    body = {"role": "admin", "is_staff": True, "id": 1, "created_at": "2000-01-01T00:00:00Z"}
    response = alice.patch(ME, body | {"email_verified_at": "2000-01-01T00:00:00Z"})

    assert response.json() == before


def test_a_new_address_is_unverified_and_the_old_one_is_told(alice):
    User.objects.update(email_verified_at=timezone.now())

    response = alice.patch(ME, {"email": "new@example.com", "current_password": PASSWORD})
    run_all_jobs()

    assert response.json()["email_verified_at"] is None
    assert {(m.to[0], m.subject) for m in mail.outbox} == {
        ("new@example.com", "Confirm your e-mail address"),
        ("alice@example.com", "Your e-mail address was changed"),
    }


def test_the_mailed_link_verifies_the_address_however_often_it_is_followed(alice, anonymous):
    assert alice.post(VERIFICATION).status_code == 200
    run_all_jobs()

    for _ in range(2):
        response = anonymous.post(VERIFY, {"token": token_in(mail.outbox[0])})
        assert response.status_code == 200

    assert alice.get(ME).json()["email_verified_at"] is not None
    assert alice.post(VERIFICATION).json()["code"] == "already_verified"


def test_a_verification_link_does_not_verify_a_newer_address(alice, anonymous):
    token = mails.verification_token(alice.user)
    User.objects.filter(pk=alice.user.pk).update(email="new@example.com")

    assert anonymous.post(VERIFY, {"token": token}).status_code == 400
    assert User.objects.get(pk=alice.user.pk).email_verified_at is None


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "é", "x" * 5000])
def test_a_made_up_verification_token_is_refused(alice, anonymous, token):
    assert anonymous.post(VERIFY, {"token": token}).status_code == 400
    assert not User.objects.exclude(email_verified_at=None).exists()


def test_a_verification_link_expires_after_three_days(alice, anonymous):
    token = mails.verification_token(alice.user)

    with time_machine.travel(timezone.now() + timedelta(days=3, seconds=1)):
        assert anonymous.post(VERIFY, {"token": token}).status_code == 400


def test_registration_owes_a_verification_mail(anonymous):
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    anonymous.post("/api/auth/register", body)

    run_all_jobs()

    assert [m.to for m in mail.outbox] == [["ada@example.com"]]
    assert f"{settings.PUBLIC_URL}/account/verify-email?token=" in mail.outbox[0].body


def test_mails_are_limited_per_account(alice):
    statuses = [alice.post(VERIFICATION).status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]


def test_a_password_change_ends_every_session_and_opens_one(alice, anonymous):
    elsewhere = type(alice)().sign_in(alice.user)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}

    response = alice.post(PASSWORD_URL, body)

    assert response.status_code == 200
    assert alice.get(ME).status_code == elsewhere.get(ME).status_code == 401
    fresh = f"Bearer {response.json()['access_token']}"
    assert anonymous.get(ME, HTTP_AUTHORIZATION=fresh).status_code == 200
    login = {"username": "alice", "password": NEW_PASSWORD}
    assert anonymous.post("/api/auth/login", login).status_code == 200
    login["password"] = PASSWORD
    assert anonymous.post("/api/auth/login", login).status_code == 401


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("wrong-password", NEW_PASSWORD, "current_password"),
        (PASSWORD, "short", "password"),
        (PASSWORD, "password123", "password"),
        (PASSWORD, "x" * 129, "password"),
    ],
)
def test_a_refused_password_change_leaves_password_and_sessions(alice, current, new, field):
    response = alice.post(PASSWORD_URL, {"current_password": current, "new_password": new})

    assert response.status_code == 400
    assert field in response.json()["errors"]
    assert User.objects.get().check_password(PASSWORD)
    assert alice.get(ME).status_code == 200


def test_guessing_the_present_password_is_limited_like_a_login(alice):
    body = {"current_password": "wrong-password", "new_password": NEW_PASSWORD}
    statuses = [alice.post(PASSWORD_URL, body).status_code for _ in range(11)]

    assert statuses == [400] * 10 + [429]


def test_a_mailed_link_sets_a_new_password_once(alice, anonymous):
    anonymous.post(RESET, {"email": "ALICE@example.com"})
    run_all_jobs()
    body = {"token": token_in(mail.outbox[0]), "new_password": NEW_PASSWORD}

    assert anonymous.post(RESET_CONFIRM, body).status_code == 200

    assert alice.get(ME).status_code == 401
    assert User.objects.get().check_password(NEW_PASSWORD)
    again = anonymous.post(RESET_CONFIRM, body | {"new_password": "third-Ocelot-5-candle"})
    assert (again.status_code, again.json()["code"]) == (400, "link_invalid")
    assert User.objects.get().check_password(NEW_PASSWORD)
    assert Session.objects.get().end_reason == EndReason.PASSWORD


def test_a_poor_new_password_does_not_use_the_link_up(alice, anonymous):
    token = mails.reset_token(alice.user)

    poor = anonymous.post(RESET_CONFIRM, {"token": token, "new_password": "12345678"})
    good = anonymous.post(RESET_CONFIRM, {"token": token, "new_password": NEW_PASSWORD})

    assert (poor.status_code, good.status_code) == (400, 200)


def test_a_reset_link_expires_after_an_hour(alice, anonymous):
    body = {"token": mails.reset_token(alice.user), "new_password": NEW_PASSWORD}

    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=2)):
        assert anonymous.post(RESET_CONFIRM, body).status_code == 400
    assert User.objects.get().check_password(PASSWORD)


def test_asking_for_a_reset_tells_nothing_about_who_has_an_account(alice, anonymous):
    known = anonymous.post(RESET, {"email": "alice@example.com"})
    unknown = anonymous.post(RESET, {"email": "nobody@example.com"})
    run_all_jobs()

    assert known.json() == unknown.json()
    assert Job.objects.count() == 2
    assert [m.to for m in mail.outbox] == [["alice@example.com"]]


def test_a_deactivated_user_gets_no_reset_and_no_old_link_works(alice, anonymous):
    token = mails.reset_token(alice.user)
    User.objects.update(is_active=False)

    anonymous.post(RESET, {"email": "alice@example.com"})
    run_all_jobs()

    assert mail.outbox == []
    body = {"token": token, "new_password": NEW_PASSWORD}
    assert anonymous.post(RESET_CONFIRM, body).status_code == 400


def test_no_mailed_token_is_kept_in_the_database(alice, anonymous):
    anonymous.post(RESET, {"email": "alice@example.com"})
    run_all_jobs()

    token = token_in(mail.outbox[0])
    assert token not in json.dumps(list(Job.objects.values("arguments", "result", "error")))


def test_reset_mails_are_limited_per_address(alice, anonymous):
    for _ in range(7):
        assert anonymous.post(RESET, {"email": "alice@example.com"}).status_code == 200

    assert Job.objects.count() == 5


def test_a_ticket_signs_in_once(alice):
    ticket = alice.post("/api/auth/ticket").json()["ticket"]

    holder = redeem_ticket(ticket=ticket)

    assert (holder.user_id, holder.session_id) == (alice.user.pk, alice.signed_in.pk)
    assert holder.ends_at == read_access(alice.access_token).ends_at
    assert redeem_ticket(ticket=ticket) is None
    assert redeem_ticket(ticket="made-up") is None


def test_deleting_the_account_erases_what_it_owns_and_leaves_an_audit_entry(alice, bob):
    export = exports.request_export(owner_id=alice.user.pk)
    run_job(export.pk)

    assert alice.delete(ME).status_code == 204

    assert list(User.objects.values_list("username", flat=True)) == ["bob"]
    assert not Job.objects.exists()
    assert not exports.export_path(export.pk).exists()
    assert AuditEntry.objects.get(action="user.deleted").actor_name == "alice"
    assert bob.get(ME).status_code == 200


def test_the_last_administrator_stays(staff):
    response = staff.delete(ME)

    assert (response.status_code, response.json()["code"]) == (409, "last_admin")
    assert staff.get(ME).status_code == 200


def test_an_export_holds_the_account_and_no_secret(alice, anonymous):
    job_id = alice.post("/api/auth/export").json()["job_id"]
    assert alice.post("/api/auth/export").json()["job_id"] == job_id
    run_job(job_id)

    link = alice.get(f"/api/jobs/{job_id}").json()["result"]["download_url"]
    response = anonymous.get(link.removeprefix(settings.PUBLIC_URL))

    body = b"".join(response.streaming_content)
    found = json.loads(body)
    assert found["account"][0]["username"] == "alice"
    assert len(found["sessions"]) == 1
    assert b"argon2" not in body
    assert b"refresh" not in body
    assert "attachment" in response.headers["Content-Disposition"]


def test_an_export_opens_to_its_owner_and_by_its_link_alone(alice, bob, anonymous):
    job_id = alice.post("/api/auth/export").json()["job_id"]
    url = f"/api/auth/export/{job_id}"
    assert alice.get(url).status_code == 404  # not made yet
    run_job(job_id)
    link = alice.get(f"/api/jobs/{job_id}").json()["result"]["download_url"]

    assert b"".join(alice.get(url).streaming_content).startswith(b"{")
    assert bob.get(url).status_code == 404
    assert anonymous.get(url).status_code == 401
    forged = link.removeprefix(settings.PUBLIC_URL)[:-4] + "AAAA"
    assert anonymous.get(forged).status_code == 403


def test_old_exports_are_deleted(alice):
    job_id = alice.post("/api/auth/export").json()["job_id"]
    run_job(job_id)

    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert exports.clear_old_exports() == 1

    assert not exports.export_path(job_id).exists()


def in_threads(count, act):
    """What `act(number)` gave or raised in threads that start together."""
    barrier, outcomes = threading.Barrier(count), []

    def run(number):
        barrier.wait()
        try:
            outcomes.append(act(number))
        except Invalid as error:
            outcomes.append(error.detail)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", ["username", "email"])
def test_of_ten_registrations_of_one_name_one_succeeds(same):
    def register(number):
        names = {"username": f"user{number}", "email": f"user{number}@example.com"}
        names[same] = {"username": "Same", "email": "Same@example.com"}[same]
        return sign_in.register(**names, password=PASSWORD)

    outcomes = in_threads(10, register)

    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(refused) == 9
    assert all(sentence.endswith("is taken.") for sentence in refused)
    assert User.objects.count() == Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_uses_of_one_reset_link_at_once_one_counts():
    token = mails.reset_token(make_user("ada"))
    new = ["first-Ocelot-5-candle", "second-Ocelot-6-candle"]

    def reset(number):
        try:
            passwords.reset_password(token=token, new_password=new[number])
        except passwords.LinkInvalid:
            return "too late"
        return "done"

    assert sorted(in_threads(2, reset)) == ["done", "too late"]


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_leave_together():
    users = [make_user(name, is_staff=True, is_superuser=True) for name in ("first", "second")]

    def leave(number):
        try:
            profile.delete_account(owner_id=users[number].pk)
        except profile.LastAdmin:
            return "stays"
        return "left"

    assert sorted(in_threads(2, leave)) == ["left", "stays"]
    assert User.objects.count() == 1
