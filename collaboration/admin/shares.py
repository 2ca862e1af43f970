from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.models import User
from alice.common.admin_parts import one_line
from alice.common.admin_site import (
    ChoiceFilter,
    DayRangeFilter,
    ReadOnlyAdmin,
    attempt,
    confirmed_action,
    labelled,
)
from collaboration.models import Permission, ResourceType, Share
from collaboration.services import shares

STATE_COLOURS = {"Live": "success", "Revoked": "danger", "Expired": "warning"}
PERMISSION_COLOURS = {"View": "info", "Edit": "primary"}


class ShareStateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        revoked, expired = Q(revoked_at__isnull=False), Q(expires_at__lte=Now())
        return {
            "live": ("Live", ~revoked & (Q(expires_at=None) | Q(expires_at__gt=Now()))),
            "revoked": ("Revoked", revoked),
            "expired": ("Expired", ~revoked & expired),
        }


class WithFilter(ChoiceFilter):
    title = "shared with"
    parameter_name = "with"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "link": ("Whoever has the link", Q(shared_with=None)),
            "user": ("One user", Q(shared_with__isnull=False)),
        }


class ResourceTypeFilter(ChoiceFilter):
    title = "what"
    parameter_name = "what"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {value: (label, Q(resource_type=value)) for value, label in ResourceType.choices}


class PermissionFilter(ChoiceFilter):
    title = "permission"
    parameter_name = "permission"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {value: (label, Q(permission=value)) for value, label in Permission.choices}


@admin.register(Share)
class ShareAdmin(ReadOnlyAdmin[Share]):
    """Without the tokens: staff who look on must not be able to open what they see here."""

    menu_group, menu_icon = "Conversations", "share"
    list_display = [
        "what",
        "owner",
        "holder",
        "permission_label",
        "state",
        "open_count",
        "created_at",
        "expires_at",
    ]
    list_filter = [
        ShareStateFilter,
        ResourceTypeFilter,
        WithFilter,
        PermissionFilter,
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["owner", "shared_with"]
    search_fields = ["=id", "=resource_id", "owner__username", "shared_with__username"]
    search_help_text = "An owner, a holder, the id of the share or of what is shared"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("what", "state"),
                    ("owner", "holder"),
                    ("permission_label", "open_count"),
                ]
            },
        ),
        ("Time", {"fields": [("created_at", "expires_at"), "revoked_at"]}),
    ]
    readonly_fields = ["what", "holder", "permission_label", "state"]
    actions = ["revoke"]
    actions_detail = ["revoke_one"]

    @admin.display(description="what", ordering="resource_id")
    def what(self, share: Share) -> str:
        return f"{share.get_resource_type_display()} {share.resource_id}"

    @admin.display(description="shared with", ordering="shared_with__username")
    def holder(self, share: Share) -> SafeString | str:
        holder = share.shared_with
        return "Whoever has the link" if holder is None else one_line(holder.username)

    @labelled("permission", PERMISSION_COLOURS, ordering="permission")
    def permission_label(self, share: Share) -> str:
        return share.get_permission_display()

    @labelled("state", STATE_COLOURS)
    def state(self, share: Share) -> str:
        if share.revoked_at is not None:
            return "Revoked"
        return "Expired" if share.is_over(timezone.now()) else "Live"

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, rows: QuerySet[Share]) -> None:
        live = rows.filter(revoked_at=None)
        self.for_each(request, live, lambda row: self.revoke_as(request, row), "revoked")

    @confirmed_action(
        "Revoke",
        "Its link opens nothing any more, and whoever held it loses what it gave them.",
        icon="link_off",
        is_dangerous=True,
    )
    def revoke_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        share = self.row_or_404(request, object_id)
        if attempt(request, lambda: self.revoke_as(request, share)):
            messages.success(request, "The share is revoked.")
        return self.back(request, object_id)

    def revoke_as(self, request: HttpRequest, share: Share) -> None:
        actor = cast("User", request.user)
        shares.revoke_share(shares=Share.objects.all(), share_id=share.pk, actor=actor)
