"""The admin and the pages of mailed links, as people see them."""

import re
from urllib.parse import quote

from django.contrib.auth.models import Group
from django.core import mail
from playwright.sync_api import expect

from accounts.models import User
from accounts.services import mails
from accounts.services.sessions import open_session
from accounts.services.sign_in import check_credentials
from accounts.tests.factories import PASSWORD, make_user
from alice.tests.browser import forget_problems
from system.models import AuditEntry, Job, JobStatus
from system.services import audit
from system.tasks import run_job

NEW_PASSWORD = "another-Horse-7-staple"


def sign_in(page, name, password=PASSWORD):
    page.goto("/admin")
    page.get_by_label("Username or e-mail address").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def deliver_mails():
    """What the worker does with the mails that are owed."""
    for job_id in Job.objects.filter(kind="accounts.mail", status=JobStatus.QUEUED).values_list(
        "pk", flat=True
    ):
        run_job(job_id)


def mailed_link():
    return re.search(r"http\S+token=\S+", mail.outbox[0].body)[0]


def test_staff_deactivates_a_user_who_is_then_signed_out(browser_page, shoot):
    page = browser_page
    make_user("chief", email="chief@example.com", is_staff=True, is_superuser=True)
    ada = make_user("ada")
    make_user("bob", is_active=False)
    session = open_session(owner=ada, device="<script>alert(1)</script>", peer="192.0.2.7")
    page.goto("/admin/login/")
    shoot("1-login")

    sign_in(page, "chief@example.com")
    expect(page.get_by_role("img", name=re.compile("Queued: 0"))).to_be_visible()
    shoot("2-overview")
    page.get_by_role("link", name="Users").first.click()
    shoot("3-users")
    page.locator("#searchbar").fill("ad")
    page.locator("#searchbar").press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.locator("#changelist").get_by_text("Filters", exact=False).first.click()
    page.get_by_label("Active", exact=True).check()
    shoot("4-filters")
    page.get_by_role("button", name="Apply Filters").click()
    page.get_by_role("link", name="ada", exact=True).click()
    shoot("5-user")
    page.get_by_role("link", name="Deactivate").click()
    expect(page.get_by_text("Their sessions end at once")).to_be_visible()
    shoot("6-question")
    page.get_by_role("button", name="Deactivate").click()

    expect(page.get_by_text("ada is deactivated.")).to_be_visible()
    shoot("7-done")
    session.refresh_from_db()
    ada.refresh_from_db()
    assert (ada.is_active, session.end_reason) == (False, "staff")
    assert AuditEntry.objects.get(action="user.deactivated").actor_name == "chief"


def test_every_list_and_form_of_the_admin_opens(browser_page, shoot):
    page = browser_page
    make_user("chief", is_staff=True, is_superuser=True)
    ada = make_user("ada")
    session = open_session(owner=ada, device="<script>alert(1)</script>" * 4, peer="192.0.2.7")
    mails.send_verification(owner=ada)
    deliver_mails()
    job = Job.objects.get()
    entry = audit.record(action="user.tested", target=f"user:{ada.pk}", actor_name="chief", n=[1])
    sign_in(page, "chief")

    for name, address in [
        ("sessions", "/admin/accounts/session/"),
        ("session", f"/admin/accounts/session/{session.pk}/change/"),
        ("jobs", "/admin/system/job/"),
        ("job", f"/admin/system/job/{job.pk}/change/"),
        ("audit", "/admin/system/auditentry/"),
        ("audit-entry", f"/admin/system/auditentry/{entry.pk}/change/"),
        ("groups", "/admin/auth/group/add/"),
        ("new-user", "/admin/accounts/user/add/"),
        ("rights", f"/admin/accounts/user/{ada.pk}/change/"),
        ("delete", f"/admin/accounts/user/{ada.pk}/delete/"),
    ]:
        answer = page.goto(address)
        assert answer.status == 200, address
        shoot(name)


def test_a_superuser_searches_a_right_and_gives_it_to_a_group(browser_page, shoot):
    page = browser_page
    make_user("chief", is_staff=True, is_superuser=True)
    sign_in(page, "chief")
    page.goto("/admin/auth/group/add/")

    page.get_by_label("Name").fill("support")
    page.locator(".select2-search__field").fill("view user")
    page.locator(".select2-results__option", has_text="Can view user").click()
    shoot("rights-of-a-group")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("support").first).to_be_visible()
    right = Group.objects.get(name="support").permissions.get()
    assert right.codename == "view_user"


def test_an_unknown_address_of_the_admin_is_a_page_for_people(browser_page, shoot):
    page = browser_page
    make_user("chief", is_staff=True, is_superuser=True)
    sign_in(page, "chief")

    answer = page.goto("/admin/nowhere")

    assert answer.status == 404
    expect(page.get_by_text("This page does not exist, or not any more.")).to_be_visible()
    shoot("not-found")
    forget_problems(page)


def test_a_mailed_link_verifies_the_address(browser_page, shoot):
    page = browser_page
    ada = make_user("ada")
    mails.send_verification(owner=ada)
    deliver_mails()

    page.goto(mailed_link())
    shoot("verify")
    page.get_by_role("button", name="Confirm").click()

    expect(page.get_by_role("status")).to_have_text("Your e-mail address is confirmed.")
    shoot("verified")
    ada.refresh_from_db()
    assert ada.email_verified_at is not None


def test_a_forgotten_password_is_set_anew_by_the_mailed_link(browser_page, shoot):
    page = browser_page
    ada = make_user("ada")
    page.goto("/admin/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail address").fill("ada@example.com")
    shoot("forgot")
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.get_by_role("status")).to_contain_text("a mail is on its way")
    deliver_mails()

    page.goto(mailed_link())
    page.get_by_label("New password").fill(NEW_PASSWORD)
    shoot("reset")
    page.get_by_role("button", name="Set password").click()

    expect(page.get_by_role("status")).to_contain_text("Your new password is set.")
    found = check_credentials(name_or_email="ada", password=NEW_PASSWORD, peer="")
    assert found == ada


def test_a_forged_link_is_refused_and_verifies_nothing(browser_page, shoot):
    page = browser_page
    make_user("ada")
    page.goto(f"/account/verify-email?token={quote('<script>alert(1)</script>')}")

    page.get_by_role("button", name="Confirm").click()

    expect(page.get_by_role("alert")).to_contain_text("This link is not valid any more.")
    shoot("forged")
    assert not User.objects.exclude(email_verified_at=None).exists()
    forget_problems(page)
