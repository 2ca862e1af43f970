from typing import cast

from django.http import HttpRequest

from accounts.models import User


def actor_of(request: HttpRequest) -> User:
    return cast("User", request.user)
