"""Sessions: refreshed, listed, ended for good."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import EndReason, Session, User
from accounts.services import profile, sessions
from system.models import AuditEntry

REFRESH, LOGOUT, ME = "/api/auth/refresh", "/api/auth/logout", "/api/auth/me"
SESSIONS = "/api/auth/sessions"

pytestmark = pytest.mark.django_db


def refresh(client, token):
    return client.post(REFRESH, {"refresh_token": token})


def status_with(client, access_token):
    return client.get(ME, HTTP_AUTHORIZATION=f"Bearer {access_token}").status_code


def test_logout_ends_this_session_at_once_and_no_other(alice):
    elsewhere = type(alice)().sign_in(alice.user)

    assert alice.post(LOGOUT).status_code == 200

    assert alice.get(ME).status_code == 401
    assert alice.get(ME).json()["code"] == "session_ended"
    assert alice.post(LOGOUT).status_code == 401
    assert elsewhere.get(ME).status_code == 200
    assert Session.objects.get(pk=alice.signed_in.pk).end_reason == EndReason.LOGOUT


def test_logout_ends_the_refresh_token_too(alice, anonymous):
    alice.post(LOGOUT)

    assert refresh(anonymous, alice.refresh_token).status_code == 401


def test_refreshing_answers_new_tokens_that_work(alice, anonymous):
    pair = refresh(anonymous, alice.refresh_token).json()

    assert pair["refresh_token"] != alice.refresh_token
    assert status_with(anonymous, pair["access_token"]) == 200
    assert refresh(anonymous, pair["refresh_token"]).status_code == 200


def test_two_tabs_that_race_get_the_same_refresh_token(alice, anonymous):
    first = refresh(anonymous, alice.refresh_token).json()
    second = refresh(anonymous, alice.refresh_token).json()

    assert first["refresh_token"] == second["refresh_token"]
    assert status_with(anonymous, second["access_token"]) == 200


def test_an_old_refresh_token_after_the_grace_ends_the_session(alice, anonymous):
    pair = refresh(anonymous, alice.refresh_token).json()
    Session.objects.update(rotated_at=timezone.now() - timedelta(seconds=11))

    response = refresh(anonymous, alice.refresh_token)

    assert response.status_code == 401
    assert response.json()["code"] == "refresh_token_reused"
    assert status_with(anonymous, pair["access_token"]) == 401
    assert refresh(anonymous, pair["refresh_token"]).status_code == 401
    assert Session.objects.get().end_reason == EndReason.REUSE
    assert AuditEntry.objects.get().action == "session.refresh_token_reused"


def test_a_refresh_token_from_before_the_previous_one_is_reuse_even_within_the_grace(
    alice, anonymous
):
    second = refresh(anonymous, alice.refresh_token).json()
    refresh(anonymous, second["refresh_token"])

    assert refresh(anonymous, alice.refresh_token).json()["code"] == "refresh_token_reused"


def test_no_refreshing_beyond_the_absolute_end(alice, anonymous):
    Session.objects.update(
        expires_at=timezone.now() - timedelta(seconds=1),
        created_at=timezone.now() - timedelta(days=90),
    )

    assert refresh(anonymous, alice.refresh_token).status_code == 401


def test_tokens_never_outlive_their_session(alice, anonymous):
    Session.objects.update(expires_at=timezone.now() + timedelta(seconds=60))

    pair = refresh(anonymous, alice.refresh_token).json()

    assert pair["expires_in"] <= 60


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "x" * 10_000])
def test_what_is_no_refresh_token_is_refused(alice, anonymous, token):
    assert refresh(anonymous, token).status_code in {400, 401}
    assert Session.objects.get().ended_at is None


def test_an_access_token_does_not_refresh(alice, anonymous):
    assert refresh(anonymous, alice.access_token).json()["code"] == "token_invalid"


def test_the_list_shows_live_sessions_of_oneself_only(alice, bob):
    other = type(alice)().sign_in(alice.user)
    other.post(LOGOUT)

    listed = alice.get(SESSIONS).json()

    assert [row["id"] for row in listed] == [alice.signed_in.pk]
    assert set(listed[0]) == {
        "id", "device", "peer", "created_at", "last_seen_at", "expires_at",
    }  # fmt: skip


def test_a_device_can_be_signed_out_from_another(alice):
    stolen = type(alice)().sign_in(alice.user)

    assert alice.delete(f"{SESSIONS}/{stolen.signed_in.pk}").status_code == 204

    assert stolen.get(ME).status_code == 401
    assert alice.get(ME).status_code == 200
    assert alice.delete(f"{SESSIONS}/{stolen.signed_in.pk}").status_code == 404


def test_a_stranger_cannot_end_a_session(alice, bob):
    response = bob.delete(f"{SESSIONS}/{alice.signed_in.pk}")

    assert response.status_code == 404
    assert alice.get(ME).status_code == 200
    assert Session.objects.get(pk=alice.signed_in.pk).ended_at is None


def test_deactivation_ends_every_session(alice, staff, django_capture_on_commit_callbacks):
    assert alice.get(ME).status_code == 200

    with django_capture_on_commit_callbacks(execute=True):
        profile.set_active(user_id=alice.user.pk, is_active=False, actor=staff.user)

    assert alice.get(ME).status_code == 401


def test_a_role_change_ends_the_tokens_of_the_old_role(
    alice, staff, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        profile.set_role(
            user_id=alice.user.pk, is_staff=True, is_superuser=False, actor=staff.user
        )

    assert alice.get(ME).status_code == 401


def test_ending_sessions_again_changes_nothing(alice):
    ids = [alice.signed_in.pk]
    end = {"owner_id": alice.user.pk, "session_ids": ids, "reason": EndReason.REVOKED}

    assert sessions.end_sessions(**end) == 1
    ended_at = Session.objects.get().ended_at
    assert sessions.end_sessions(**end) == 0
    assert Session.objects.get().ended_at == ended_at


def test_a_warm_session_is_let_in_without_a_query(alice, django_assert_num_queries):
    alice.get("/api/nothing-here")

    with django_assert_num_queries(0):
        assert alice.get("/api/nothing-here").status_code == 404


def test_use_is_noted_to_the_minute(alice):
    earlier = timezone.now() - timedelta(minutes=5)
    Session.objects.update(last_seen_at=earlier)

    assert sessions.note_use(alice.signed_in.pk, alice.user.pk)

    assert timezone.now() - Session.objects.get().last_seen_at < timedelta(seconds=30)


def test_sessions_over_for_long_are_deleted(alice, bob):
    Session.objects.filter(pk=alice.signed_in.pk).update(
        ended_at=timezone.now() - timedelta(days=31), end_reason=EndReason.LOGOUT
    )

    assert sessions.clear_ended_sessions() == 1
    assert list(Session.objects.values_list("pk", flat=True)) == [bob.signed_in.pk]


def test_a_deleted_user_has_no_session(alice):
    assert alice.delete(ME).status_code == 204

    assert alice.get(ME).status_code == 401
    assert not User.objects.filter(pk=alice.user.pk).exists()
