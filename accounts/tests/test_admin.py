"""The admin of accounts: who may do what to whom, through services only."""

import re

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.services.sessions import open_session
from accounts.services.sign_in import check_credentials
from accounts.tests.factories import PASSWORD, make_user
from system.models import AuditEntry, Job

pytestmark = pytest.mark.django_db

HOME, LOGIN = "/admin/", "/admin/login/"
USERS, SESSIONS, GROUPS = "/admin/accounts/user/", "/admin/accounts/session/", "/admin/auth/group/"
LISTS = [USERS, SESSIONS, GROUPS]
ME = "/api/auth/me"
SUBMITTED = {"_form_submitted": "True"}


def user_page(user, step="change"):
    return f"{USERS}{user.pk}/{step}/"


@pytest.fixture
def chief(staff):
    """The superuser who is signed in with `admin_page`."""
    return staff.user


@pytest.fixture
def clerk(db):
    """Staff without any permission yet."""
    return make_user("clerk", is_staff=True)


@pytest.fixture
def clerk_page(clerk):
    page = Client()
    page.force_login(clerk)
    return page


def permit(user, *codenames):
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def press(page, user, button):
    """Confirm a button of the user's page and follow it back there."""
    return page.post(user_page(user, button), SUBMITTED, follow=True)


def choose(page, address, action, *rows):
    """Run a bulk action of a list."""
    ids = [row.pk for row in rows]
    chosen = {"action": action, "_selected_action": ids, "index": 0, "post": "yes"}
    return page.post(address, chosen, follow=True)


def session_of(user):
    return Session.objects.get(user=user)


def shown(response):
    return [str(message) for message in response.context["messages"]]


# Who gets in


@pytest.mark.parametrize("address", [HOME, *LISTS, "/admin/nowhere"])
def test_without_a_session_one_is_sent_to_the_login(client, address):
    response = client.get(address)

    assert response.status_code == 302
    assert response.headers["Location"].startswith(LOGIN)


@pytest.mark.parametrize("address", [HOME, *LISTS])
def test_a_plain_user_is_sent_to_the_login(client, address):
    client.force_login(make_user("ada"))

    response = client.get(address)

    assert (response.status_code, response.headers["Location"][:13]) == (302, LOGIN)


def test_staff_without_permissions_see_an_empty_overview(clerk_page):
    response = clerk_page.get(HOME)

    assert response.context["cards"] == []
    assert [group["title"] for group in response.context["sidebar_navigation"]] == [""]


@pytest.mark.parametrize("address", LISTS)
def test_staff_without_permissions_get_403_as_a_page(clerk_page, address):
    response = clerk_page.get(address)

    assert response.status_code == 403
    assert "no permission for this page" in response.content.decode()


def test_staff_see_the_menu_of_what_they_are_permitted(clerk, clerk_page):
    permit(clerk, "view_user")

    menu = clerk_page.get(USERS).context["sidebar_navigation"]

    titles = [item["title"] for group in menu for item in group["items"]]
    assert titles == ["Overview", "Users"]


@pytest.mark.parametrize("address", LISTS)
def test_a_superuser_sees_every_list(admin_page, address):
    assert admin_page.get(address).status_code == 200


def test_an_unknown_address_is_a_page_for_people(admin_page):
    response = admin_page.get("/admin/nowhere")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


def test_the_address_without_a_slash_leads_in(client):
    assert client.get("/admin").headers["Location"] == HOME


# Signing in


@pytest.mark.parametrize("name", ["chief", "CHIEF@example.com"])
def test_signing_in_works_by_username_and_by_address(client, name):
    make_user("chief", is_staff=True)

    response = client.post(LOGIN, {"username": name, "password": PASSWORD, "next": HOME})

    assert (response.status_code, response.headers["Location"]) == (302, HOME)


def test_the_longest_address_fits_the_login(client):
    page = client.get(LOGIN)

    assert page.context["form"]["username"].field.widget.attrs["maxlength"] == 254


def test_a_wrong_password_says_no_more_than_an_unknown_name(client):
    make_user("chief", is_staff=True)

    answers = [
        client.post(LOGIN, {"username": name, "password": "wrong"}).context["form"].errors
        for name in ("chief", "nobody")
    ]

    assert answers[0] == answers[1] == {"__all__": ["The name or the password is wrong."]}


def test_after_too_many_failures_the_right_password_is_told_to_wait(client, settings):
    settings.LOGIN_FAILURES_PER_ACCOUNT = 2
    make_user("chief", is_staff=True)
    for _ in range(2):
        client.post(LOGIN, {"username": "chief", "password": "wrong"})

    response = client.post(LOGIN, {"username": "chief", "password": PASSWORD})

    assert "Too many failed attempts. Try again later." in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_the_password_page_leads_to_the_mailed_link(admin_page):
    response = admin_page.get("/admin/password_change/")

    assert response.headers["Location"] == "/account/forgot-password"


# The list


def test_the_list_can_be_searched_by_name_and_address(admin_page):
    make_user("ada", email="lovelace@example.com")
    make_user("bob")

    for words in ("ada", "lovelace@"):
        found = admin_page.get(USERS, {"q": words}).context["cl"].queryset
        assert [user.username for user in found] == ["ada"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"role": "admin"}, {"staff"}),
        ({"role": "user"}, {"ada", "bob"}),
        ({"state": "deactivated"}, {"bob"}),
        ({"state": "active"}, {"ada", "staff"}),
        ({"verified": "yes"}, {"ada"}),
        ({"verified": "no"}, {"bob", "staff"}),
        (
            {"created_at_from": "2000-01-01", "created_at_to": "9999-12-31"},
            {"ada", "bob", "staff"},
        ),
        ({"created_at_to": "2000-01-01"}, set()),
        ({"created_at_from": "no day", "role": "no role"}, {"ada", "bob", "staff"}),
    ],
)
def test_the_list_can_be_filtered(admin_page, query, names):
    make_user("ada", email_verified_at=timezone.now())
    make_user("bob", is_active=False)

    found = admin_page.get(USERS, query).context["cl"].queryset

    assert {user.username for user in found} == names


def test_the_last_day_of_a_range_counts_to_its_end(admin_page):
    today = timezone.now().date().isoformat()

    found = admin_page.get(USERS, {"created_at_from": today, "created_at_to": today})

    assert found.context["cl"].result_count == 1


def test_the_list_counts_live_sessions_only(admin_page, chief):
    ada = make_user("ada")
    open_session(owner=ada)
    ended = open_session(owner=ada)
    Session.objects.filter(pk=ended.pk).update(ended_at=timezone.now(), end_reason="logout")

    found = admin_page.get(USERS, {"q": "ada"}).context["cl"].queryset

    assert found.get().live == 1


@pytest.mark.parametrize("rows", [1, 20])
@pytest.mark.parametrize(("address", "queries"), [(USERS, 4), (SESSIONS, 4)])
def test_a_list_costs_the_same_however_many_rows(
    admin_page, django_assert_num_queries, rows, address, queries
):
    for _ in range(rows):
        open_session(owner=make_user())

    with django_assert_num_queries(queries):
        assert admin_page.get(address).status_code == 200


def test_hostile_text_is_escaped(admin_page):
    ada = make_user("ada", email="<script>alert(2)</script>@example.com")
    session = open_session(owner=ada, device="<script>alert(1)</script>")

    for address in (SESSIONS, f"{SESSIONS}{session.pk}/change/", USERS, user_page(ada)):
        assert "<script>alert" not in admin_page.get(address).content.decode()


@pytest.mark.parametrize("address", [LOGIN, HOME, *LISTS, f"{USERS}add/", f"{GROUPS}add/"])
def test_a_page_loads_nothing_from_elsewhere(admin_page, address):
    html = admin_page.get(address).content.decode()

    assert re.findall(r"""(?:src|href|srcset|action)=["']?(?:https?:)?//[^"'\s>]*""", html) == []
    assert "@import" not in html


# Activating and deactivating


def test_deactivating_ends_sessions_at_once(admin_page, chief, alice):
    assert alice.get(ME).status_code == 200

    response = press(admin_page, alice.user, "deactivate_one")

    assert shown(response) == ["alice is deactivated."]
    alice.user.refresh_from_db()
    assert alice.user.is_active is False
    entry = AuditEntry.objects.get(action="user.deactivated")
    assert (entry.actor_id, entry.target) == (chief.pk, f"user:{alice.user.pk}")


def test_a_token_of_a_deactivated_user_gets_401(
    admin_page, alice, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        press(admin_page, alice.user, "deactivate_one")

    assert alice.get(ME).status_code == 401


def test_several_are_deactivated_and_activated_in_bulk(admin_page):
    ada, bob = make_user("ada"), make_user("bob")

    down = choose(admin_page, USERS, "deactivate", ada, bob)
    states = set(User.objects.filter(pk__in=[ada.pk, bob.pk]).values_list("is_active", flat=True))
    up = choose(admin_page, USERS, "activate", ada)

    assert (shown(down), states) == (["2 users deactivated."], {False})
    assert shown(up) == ["1 user activated."]
    ada.refresh_from_db()
    assert ada.is_active is True


def test_opening_the_address_of_a_button_changes_nothing(admin_page, alice):
    for button in ("deactivate_one", "end_sessions_of_one", "mail_reset_to_one"):
        assert admin_page.get(user_page(alice.user, button)).status_code == 200

    alice.user.refresh_from_db()
    assert alice.user.is_active is True
    assert Session.objects.get(user=alice.user).ended_at is None
    assert (Job.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_a_button_without_csrf_token_is_refused(staff, alice):
    page = Client(enforce_csrf_checks=True)
    page.force_login(staff.user)

    response = page.post(user_page(alice.user, "deactivate_one"), SUBMITTED)

    assert response.status_code == 403
    alice.user.refresh_from_db()
    assert alice.user.is_active is True


def test_nobody_deactivates_themselves(admin_page, chief):
    one = press(admin_page, chief, "deactivate_one")
    bulk = choose(admin_page, USERS, "deactivate", chief)

    assert shown(one) == ["Somebody else must do this to your account."]
    assert shown(bulk) == ["staff: Somebody else must do this to your account."]
    chief.refresh_from_db()
    assert chief.is_active is True


def test_a_refusal_in_bulk_spares_the_others(admin_page, chief):
    ada = make_user("ada")

    response = choose(admin_page, USERS, "deactivate", chief, ada)

    assert shown(response)[-1] == "1 user deactivated."
    assert User.objects.filter(is_active=False).get() == ada


def test_other_staff_do_nothing_to_a_superuser(clerk, clerk_page, staff):
    permit(clerk, "view_user", "change_user", "delete_user")
    make_user("other", is_staff=True, is_superuser=True)

    for button in ("deactivate_one", "end_sessions_of_one"):
        assert "Only a superuser" in shown(press(clerk_page, staff.user, button))[0]
    clerk_page.post(user_page(staff.user, "delete"), {"post": "yes"})

    staff.user.refresh_from_db()
    assert staff.user.is_active is True
    assert Session.objects.get(user=staff.user).ended_at is None


@pytest.mark.parametrize("button", ["deactivate_one", "end_sessions_of_one", "mail_reset_to_one"])
def test_who_may_only_look_presses_no_button(clerk, clerk_page, alice, button):
    permit(clerk, "view_user")

    response = clerk_page.post(user_page(alice.user, button), SUBMITTED)

    assert response.status_code == 403
    alice.user.refresh_from_db()
    assert alice.user.is_active is True
    assert not AuditEntry.objects.exists()


def test_who_may_only_look_runs_no_bulk_action(clerk, clerk_page, alice):
    permit(clerk, "view_user")

    choose(clerk_page, USERS, "deactivate", alice.user)

    alice.user.refresh_from_db()
    assert alice.user.is_active is True


def test_a_button_for_a_user_who_is_gone_is_404(admin_page):
    assert admin_page.post(f"{USERS}999/deactivate_one/", SUBMITTED).status_code == 404
    assert admin_page.post(f"{USERS}x/deactivate_one/", SUBMITTED).status_code == 404


# Sessions and passwords


def test_ending_all_sessions_signs_out_everywhere(
    admin_page, chief, alice, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        response = press(admin_page, alice.user, "end_sessions_of_one")

    assert shown(response) == ["alice is signed out everywhere."]
    assert alice.get(ME).status_code == 401
    assert AuditEntry.objects.get(action="session.ended_by_staff").actor_id == chief.pk


def test_one_session_is_ended_and_the_others_go_on(admin_page, alice):
    own = session_of(alice.user)
    other = open_session(owner=alice.user)

    response = choose(admin_page, SESSIONS, "end_sessions", other)

    assert shown(response) == ["1 session ended."]
    assert Session.objects.get(user=alice.user, ended_at=None) == own


def test_a_session_is_ended_from_its_page(admin_page, alice):
    page = f"{SESSIONS}{session_of(alice.user).pk}/end_one/"

    response = admin_page.post(page, SUBMITTED, follow=True)

    assert shown(response) == ["The session is ended."]
    assert session_of(alice.user).end_reason == "staff"


@pytest.mark.parametrize("step", ["add/", "{}/change/", "{}/delete/"])
def test_a_session_is_never_written_by_hand(admin_page, alice, step):
    mine = Session.objects.filter(user=alice.user)
    before = mine.values().get()

    response = admin_page.post(SESSIONS + step.format(before["id"]), {"device": "x"})

    assert response.status_code == 403
    assert mine.values().get() == before


@pytest.mark.parametrize(("state", "count"), [("live", 2), ("over", 1)])
def test_sessions_are_filtered_by_whether_they_live(admin_page, alice, state, count):
    ended = open_session(owner=alice.user)
    Session.objects.filter(pk=ended.pk).update(ended_at=timezone.now(), end_reason="logout")

    response = admin_page.get(SESSIONS, {"state": state})

    assert response.context["cl"].result_count == count


def test_a_password_reset_is_mailed_and_noted(admin_page, chief):
    ada = make_user("ada")

    response = press(admin_page, ada, "mail_reset_to_one")

    assert shown(response) == ["A reset link is on its way to ada."]
    assert Job.objects.get().arguments == {"email": ada.email, "mail": "password_reset"}
    assert AuditEntry.objects.get(action="user.password_reset_mailed").actor_id == chief.pk


def test_nobody_is_flooded_with_reset_mails(admin_page, settings):
    settings.MAILS_PER_ADDRESS_PER_HOUR = 1
    ada = make_user("ada")
    press(admin_page, ada, "mail_reset_to_one")

    response = press(admin_page, ada, "mail_reset_to_one")

    assert shown(response) == ["Too many requests. Try again later."]
    assert Job.objects.count() == 1


def test_a_deactivated_user_is_mailed_no_reset(admin_page):
    ada = make_user("ada", is_active=False)

    response = press(admin_page, ada, "mail_reset_to_one")

    assert shown(response) == ["This account is deactivated. Activate it first."]
    assert not Job.objects.exists()


def test_no_page_shows_a_password_hash(admin_page, chief):
    for address in (USERS, user_page(chief), user_page(make_user("ada"))):
        assert "md5$" not in admin_page.get(address).content.decode()


# Adding


def test_an_added_user_can_sign_in_and_is_unverified(admin_page, chief):
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}

    response = admin_page.post(f"{USERS}add/", body)

    assert response.status_code == 302
    ada = check_credentials(name_or_email="ada", password=PASSWORD, peer="")
    assert (ada.email_verified_at, ada.is_staff) == (None, False)
    entry = AuditEntry.objects.get(action="user.created_by_staff")
    assert (entry.actor_id, entry.target) == (chief.pk, f"user:{ada.pk}")
    assert PASSWORD not in str(entry.details)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "STAFF"}, "username"),
        ({"username": "<script>"}, "username"),
        ({"email": "staff@example.com"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password"}, "password"),
        ({"password": ""}, "password"),
    ],
)
def test_a_bad_account_is_refused_beside_its_field(admin_page, change, field):
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD} | change

    response = admin_page.post(f"{USERS}add/", body)

    assert list(response.context["adminform"].form.errors) == [field]
    assert User.objects.count() == 1


def test_extra_fields_of_a_form_give_no_rights(admin_page):
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}

    admin_page.post(f"{USERS}add/", body | {"role": "superuser", "is_superuser": "on"})

    ada = User.objects.get(username="ada")
    assert (ada.is_staff, ada.is_superuser) == (False, False)


def test_adding_needs_its_permission(clerk, clerk_page):
    permit(clerk, "view_user", "change_user")
    body = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}

    assert clerk_page.post(f"{USERS}add/", body).status_code == 403
    assert not User.objects.filter(username="ada").exists()


# Rights


@pytest.mark.parametrize(
    ("role", "rights"),
    [("user", (False, False)), ("admin", (True, False)), ("superuser", (True, True))],
)
def test_a_superuser_gives_roles(admin_page, chief, clerk, role, rights):
    session = open_session(owner=clerk)
    start = (clerk.is_staff, clerk.is_superuser)

    admin_page.post(user_page(clerk), {"role": role, "groups": []})

    clerk.refresh_from_db()
    session.refresh_from_db()
    assert (clerk.is_staff, clerk.is_superuser) == rights
    assert session.end_reason == ("" if rights == start else "role")
    actors = AuditEntry.objects.filter(action="user.role_changed").values_list("actor_id")
    assert list(actors) == ([] if rights == start else [(chief.pk,)])


def test_a_superuser_gives_groups(admin_page, chief, clerk):
    group = Group.objects.create(name="support")

    admin_page.post(user_page(clerk), {"role": "admin", "groups": [group.pk]})

    assert list(clerk.groups.all()) == [group]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_id) == ("user.groups_changed", chief.pk)
    assert entry.details == {"groups": ["support"]}


def test_nothing_else_of_an_account_is_written_by_hand(admin_page, clerk):
    body = {"role": "admin", "groups": [], "username": "x", "email": "x@x.x", "is_active": ""}

    admin_page.post(user_page(clerk), body | {"password": "x", "user_permissions": ["1"]})

    before = (clerk.username, clerk.email, clerk.is_active, clerk.password)
    clerk.refresh_from_db()
    assert (clerk.username, clerk.email, clerk.is_active, clerk.password) == before
    assert not clerk.user_permissions.exists()


def test_nobody_changes_their_own_rights(admin_page, chief):
    group = Group.objects.create(name="support")

    response = admin_page.post(user_page(chief), {"role": "user", "groups": [group.pk]})

    assert response.status_code == 403
    chief.refresh_from_db()
    assert (chief.is_superuser, chief.groups.count()) == (True, 0)


def test_other_staff_change_nobodys_rights(clerk, clerk_page):
    permit(clerk, "view_user", "change_user")
    ada, group = make_user("ada"), Group.objects.create(name="support")

    page = clerk_page.get(user_page(ada))
    answers = [
        clerk_page.post(user_page(user), {"role": "superuser", "groups": [group.pk]})
        for user in (ada, clerk)
    ]

    assert "role" not in page.context["adminform"].form.fields
    assert [answer.status_code for answer in answers] == [403, 403]
    assert not User.objects.filter(is_superuser=True).exists()
    assert not User.objects.exclude(groups=None).exists()


def test_groups_are_for_superusers_alone(clerk, clerk_page):
    permit(clerk, "add_group", "change_group", "delete_group", "view_group")
    group = Group.objects.create(name="support")

    for address in (GROUPS, f"{GROUPS}add/", f"{GROUPS}{group.pk}/change/"):
        assert clerk_page.get(address).status_code == 403
        assert clerk_page.post(address, {"name": "x"}).status_code == 403
    assert list(Group.objects.values_list("name", flat=True)) == ["support"]


def test_a_group_is_saved_and_deleted_with_a_note_of_who_did_it(admin_page, chief):
    right = Permission.objects.get(codename="view_user")

    admin_page.post(f"{GROUPS}add/", {"name": "support", "permissions": [right.pk]})
    group = Group.objects.get()
    assert list(group.permissions.all()) == [right]
    admin_page.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"})

    deleted, saved = AuditEntry.objects.all()
    assert (saved.action, saved.actor_id) == ("group.saved", chief.pk)
    assert saved.details == {"name": "support", "permissions": ["accounts.view_user"]}
    assert (deleted.action, deleted.actor_id) == ("group.deleted", chief.pk)
    assert not Group.objects.exists()


# Deleting


def test_deleting_asks_first(admin_page):
    ada = make_user("ada")

    response = admin_page.get(user_page(ada, "delete"))

    assert "ada (ada@example.com) and all they own" in response.content.decode()
    assert User.objects.filter(pk=ada.pk).exists()


def test_deleting_erases_the_account_and_names_who_did_it(admin_page, chief, alice):
    admin_page.post(user_page(alice.user, "delete"), {"post": "yes"})

    assert not User.objects.filter(username="alice").exists()
    entry = AuditEntry.objects.get(action="user.deleted")
    assert (entry.actor_id, entry.actor_name) == (chief.pk, "staff")
    assert entry.target == f"user:{alice.user.pk}"


def test_nobody_deletes_themselves(admin_page, chief):
    response = admin_page.post(user_page(chief, "delete"), {"post": "yes"})

    assert response.status_code == 403
    assert User.objects.get() == chief


def test_there_is_no_bulk_deletion(admin_page, alice):
    choose(admin_page, USERS, "delete_selected", alice.user)

    assert User.objects.filter(pk=alice.user.pk).exists()


def test_deleting_needs_its_permission(clerk, clerk_page, alice):
    permit(clerk, "view_user", "change_user")

    response = clerk_page.post(user_page(alice.user, "delete"), {"post": "yes"})

    assert response.status_code == 403
    assert User.objects.filter(pk=alice.user.pk).exists()


@pytest.mark.parametrize("step", ["deactivate_one", "delete"])
def test_the_last_superuser_stays(clerk, clerk_page, staff, step, monkeypatch):
    permit(clerk, "view_user", "change_user", "delete_user")
    # Even with the power over a superuser, the last one is safe.
    monkeypatch.setattr("accounts.services.profile._require_power_over", lambda *_: None)

    response = clerk_page.post(
        user_page(staff.user, step), SUBMITTED | {"post": "yes"}, follow=True
    )

    assert shown(response) == ["This is the last administrator. Make somebody else one first."]
    staff.user.refresh_from_db()
    assert (staff.user.is_active, staff.user.is_superuser) == (True, True)


# The overview


def test_the_overview_draws_one_picture_with_one_query_each(
    admin_page, django_assert_num_queries, alice
):
    with django_assert_num_queries(2 + 9):
        response = admin_page.get(HOME)

    cards = {card.title: card for card in response.context["cards"]}
    assert (cards["Sign-ups"].figure, len(cards["Sign-ups"].values)) == (2, 30)
    assert cards["Sign-ups"].values[-1] == 2
    assert cards["Live sessions"].values == [2, 2, 2, 2]
