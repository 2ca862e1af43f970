from typing import Any

from django.http import HttpRequest


def actor_of(request: HttpRequest) -> dict[str, Any]:
    return {"actor_id": request.user.pk, "actor_name": request.user.get_username()}
