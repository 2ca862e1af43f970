from typing import Any

import django.contrib.auth.admin  # noqa: F401 - registers what ours stands in for
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.http import HttpRequest

from accounts.admin.actor import actor_of
from accounts.services import groups
from alice.common.admin_site import StaffModelAdmin

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(StaffModelAdmin[Group]):
    """What rights there are to give away is for superusers alone, to see and to change."""

    menu_group, menu_icon = "People", "group"
    list_display = ["name"]
    search_fields = ["name"]
    fields = ["name", "permissions"]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        # The name of a permission begins with that of its model.
        kwargs["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return actor_of(request).is_superuser

    has_change_permission = has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).is_superuser

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        permissions = form.cleaned_data["permissions"].select_related("content_type")
        groups.save_group(group=obj, permissions=permissions, actor=actor_of(request))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """The service has stored the permissions with the group."""

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        groups.delete_group(group=obj, actor=actor_of(request))
