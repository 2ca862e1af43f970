"""Groups: what rights staff who are no superusers have."""

from collections.abc import Collection

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from accounts.models import User
from alice.common.errors import Forbidden
from system.services import audit


@transaction.atomic
def save_group(*, group: Group, permissions: Collection[Permission], actor: User) -> Group:
    """Store a group, new or changed, with these rights and no others. Only superusers may."""
    _require_superuser(actor)
    group.save()
    group.permissions.set(permissions)
    audit.record(
        action="group.saved",
        target=f"group:{group.pk}",
        actor_id=actor.pk,
        actor_name=actor.username,
        name=group.name,
        permissions=sorted(_name(permission) for permission in permissions),
    )
    return group


@transaction.atomic
def delete_group(*, group: Group, actor: User) -> None:
    """Delete a group; its members lose its rights at once. Only superusers may."""
    _require_superuser(actor)
    audit.record(
        action="group.deleted",
        target=f"group:{group.pk}",
        actor_id=actor.pk,
        actor_name=actor.username,
        name=group.name,
    )
    group.delete()


def _name(permission: Permission) -> str:
    return f"{permission.content_type.app_label}.{permission.codename}"


def _require_superuser(actor: User) -> None:
    if not actor.is_superuser:
        raise Forbidden("Only a superuser may change groups.")
