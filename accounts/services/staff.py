"""The first administrator."""

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.models import User
from accounts.services.sign_in import (
    normalize,
    require_free_names,
    require_good_password,
    require_valid_names,
    save_unique,
)
from system.services import audit


@transaction.atomic
def make_first_admin(*, username: str, email: str, password: str) -> bool:
    """Make a superuser where there is none; False when there is one already.

    Raises `Invalid` for a poor password or names that are taken or malformed.
    """
    if User.objects.filter(is_superuser=True).exists():
        return False
    user = User(
        username=normalize(username), email=normalize(email), is_staff=True, is_superuser=True
    )
    require_valid_names(user)
    require_free_names(user)
    require_good_password(password, user)
    user.password = make_password(password)
    save_unique(user)
    audit.record(action="user.first_admin_made", target=f"user:{user.pk}")
    return True
