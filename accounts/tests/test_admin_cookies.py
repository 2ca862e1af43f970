"""When the admin's own cookie session ends."""

import pytest

from accounts.models import User
from accounts.services import passwords
from accounts.tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def is_signed_in(page):
    return page.get("/admin/").status_code == 200


def test_deactivation_ends_it(admin_page, staff):
    assert is_signed_in(admin_page)

    User.objects.filter(pk=staff.user.pk).update(is_active=False)

    assert not is_signed_in(admin_page)


def test_a_new_password_ends_it(admin_page, staff):
    assert is_signed_in(admin_page)

    passwords.change_password(
        owner=User.objects.get(pk=staff.user.pk),
        current_password=PASSWORD,
        new_password="another-Zebra-7-lantern",
        device="",
        peer="",
    )

    assert not is_signed_in(admin_page)


def test_losing_the_role_ends_it(admin_page, staff):
    User.objects.filter(pk=staff.user.pk).update(is_staff=False, is_superuser=False)

    assert not is_signed_in(admin_page)
