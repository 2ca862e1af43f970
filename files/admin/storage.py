from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Sum, Window
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from alice.common.admin_cards import Card, register_dashboard_card
from alice.common.admin_parts import bar, text_link
from alice.common.admin_site import (
    ReadOnlyAdmin,
)
from alice.common.tiers import entitlements, tiers_of
from files.models import Blob, File, StorageUsage, Upload

SCARCE_PERCENT = 90
DAYS_SHOWN = 14
USERS_SHOWN = 8
STORAGE_COLOUR = "#14b8a6"
UNITS = [(1024**power, name) for power, name in enumerate(["bytes", "KB", "MB", "GB", "TB"])]


@admin.register(StorageUsage)
class StorageUsageAdmin(ReadOnlyAdmin[StorageUsage]):
    menu_group, menu_icon = "Files", "hard_drive"
    list_display = ["owner", "used", "limit", "share"]
    list_select_related = ["owner"]
    search_fields = ["owner__username", "owner__email"]
    ordering = ["-used_bytes", "pk"]
    fields = ["owner", ("used", "limit"), "share", "kinds", "files_link"]
    readonly_fields = ["used", "limit", "share", "kinds", "files_link"]

    @admin.display(description="used", ordering="used_bytes")
    def used(self, usage: StorageUsage) -> str:
        return filesizeformat(usage.used_bytes)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        changelist.result_list = with_tiers(changelist.result_list)
        return changelist

    def get_object(self, *args: Any, **kwargs: Any) -> Any:
        usage = super().get_object(*args, **kwargs)
        return usage and with_tiers([usage])[0]

    @admin.display(description="limit of the tier")
    def limit(self, usage: Any) -> str:
        return f"{filesizeformat(entitlements(usage.tier).storage_bytes)} ({usage.tier})"

    @admin.display(description="share")
    def share(self, usage: Any) -> SafeString:
        percent = 100 * usage.used_bytes / max(1, entitlements(usage.tier).storage_bytes)
        return bar(percent, is_scarce=percent >= SCARCE_PERCENT)

    @admin.display(description="of this")
    def kinds(self, usage: StorageUsage) -> SafeString:
        return format_html_join(
            "",
            "<p>{}: {}</p>",
            ((kind, filesizeformat(size)) for kind, size in bytes_by_kind(usage.owner_id).items()),
        )

    @admin.display(description="files")
    def files_link(self, usage: StorageUsage) -> SafeString:
        address = reverse("admin:files_file_changelist")
        query = f"?owner__id__exact={usage.owner_id}"
        return text_link(address + query, "The files of this user")


def with_tiers(usages: Iterable[StorageUsage]) -> list[Any]:
    """The rows with the `tier` of their owners, asked for all of them at once."""
    rows: list[Any] = list(usages)
    tiers = tiers_of([row.owner_id for row in rows])
    for row in rows:
        row.tier = tiers[row.owner_id]
    return rows


def bytes_by_kind(owner_id: int) -> dict[str, int]:
    blobs = Blob.objects.filter(owner_id=owner_id, is_charged=True)
    files_bytes = Sum("blob__size_bytes", default=0)
    in_files = File.objects.filter(owner_id=owner_id).aggregate(bytes=files_bytes)["bytes"]
    in_blobs = blobs.aggregate(bytes=Sum("size_bytes", default=0))["bytes"]
    unfinished = Upload.objects.filter(owner_id=owner_id).unfinished()
    return {
        "Files": in_files,
        "Media and renditions": in_blobs - in_files,
        "Unfinished uploads": unfinished.aggregate(bytes=Sum("length", default=0))["bytes"],
    }


def unit_for(size_bytes: int) -> tuple[int, str]:
    """The largest unit of which there are ten or more, in bytes and by its name."""
    fitting = [unit for unit in UNITS if size_bytes >= 10 * unit[0]]
    return fitting[-1] if fitting else UNITS[0]


@register_dashboard_card
def storage_of_users(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("files.view_storageusage"):
        return None
    total = Window(Sum("used_bytes"))
    largest = StorageUsage.objects.annotate(total=total).order_by("-used_bytes", "pk")
    rows = list(largest.values_list("owner__username", "used_bytes", "total")[:USERS_SHOWN])
    total_bytes = int(rows[0][2]) if rows else 0
    size, unit = unit_for(total_bytes)
    return Card(
        title="Storage",
        figure=round(total_bytes / size),
        note=f"{unit} used by all, and by those who use the most",
        chart="bar",
        labels=[name for name, _used, _total in rows],
        values=[round(used / size) for _name, used, _total in rows],
        colours=STORAGE_COLOUR,
        href=reverse("admin:files_storageusage_changelist"),
    )


@register_dashboard_card
def bytes_added(request: HttpRequest) -> Card | None:
    if not request.user.has_perm("files.view_storageusage"):
        return None
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [midnight - timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]
    recent = Blob.objects.filter(created_at__gte=moments[0]).order_by()
    days = recent.annotate(day=TruncDate("created_at")).values_list("day")
    per_day = dict(days.annotate(bytes=Sum("size_bytes")))
    size, unit = unit_for(int(sum(per_day.values())))
    return Card(
        title="Stored per day",
        figure=round(sum(per_day.values()) / size),
        note=f"{unit} of the last {DAYS_SHOWN} days are kept",
        chart="bar",
        labels=[f"{moment.day} {moment:%b}" for moment in moments],
        values=[round(per_day.get(moment.date(), 0) / size) for moment in moments],
        colours=STORAGE_COLOUR,
        href=reverse("admin:files_file_changelist"),
    )
