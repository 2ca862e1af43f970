"""People for tests."""

from itertools import count

from django.contrib.auth.hashers import make_password

from accounts.models import User

PASSWORD = "correct-Horse-9-battery"
numbers = count(1)


def make_user(username: str = "", *, password: str = PASSWORD, **fields) -> User:
    """A user who can sign in with `password`."""
    username = username or f"user{next(numbers)}"
    fields.setdefault("email", f"{username}@example.com")
    return User.objects.create(username=username, password=make_password(password), **fields)
