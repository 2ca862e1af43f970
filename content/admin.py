from collections.abc import Callable
from typing import Any

import orjson
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import FieldTextFilter
from unfold.decorators import action, display

from alice.common.errors import NotFound
from content import services
from content.models import Item, ItemQuerySet, Revision, Status
from system.services import audit

STATUS_COLOURS = {
    Status.DRAFT.value: "info",
    Status.PUBLISHED.value: "success",
    Status.ARCHIVED.value: "warning",
}


def pretty(value: Any) -> SafeString:
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    return format_html('<pre class="overflow-auto whitespace-pre-wrap">{}</pre>', text)


class InTrashFilter(admin.SimpleListFilter):
    title = "in the trash"
    parameter_name = "trashed"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Item]) -> QuerySet[Item]:
        if self.value() is None:
            return queryset
        return queryset.filter(trashed_at__isnull=self.value() == "no")


class ReadOnly:
    """Rows that a service owns: shown, never edited in place."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RevisionInline(ReadOnly, TabularInline):  # type: ignore[misc]  # untyped library
    model = Revision
    tab = True
    fields = ["version", "title", "status", "item_type", "editor_id", "created_at"]
    readonly_fields = fields
    ordering = ["-version"]
    verbose_name_plural = "Earlier versions"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        whole: QuerySet[Revision] = super().get_queryset(request)
        return whole.defer("description", "content", "metadata", "tags")


@admin.register(Item)
class ItemAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # untyped library
    list_display = ["title", "owner", "status_label", "item_type", "trashed_at", "created_at"]
    list_filter = [
        "status",
        ("item_type", FieldTextFilter),
        InTrashFilter,
        "created_at",
    ]
    list_filter_submit = True
    list_select_related = ["owner"]
    search_fields = ["title", "owner__username"]
    show_full_result_count = False
    ordering = ["-pk"]
    inlines = [RevisionInline]
    actions = ["move_to_trash", "restore"]
    fields = [
        ("title", "status"),
        ("owner", "item_type"),
        "description",
        "tag_labels",
        "content_shown",
        "metadata_shown",
        ("version", "editor_id"),
        ("created_at", "updated_at"),
        ("published_at", "trashed_at"),
    ]
    readonly_fields = ["tag_labels", "content_shown", "metadata_shown"]

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("content.change_item")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Item]:
        items: QuerySet[Item] = super().get_queryset(request)
        is_one_item = "object_id" in getattr(request.resolver_match, "kwargs", {})
        return items if is_one_item else items.defer("description", "content", "metadata")

    @display(description="Status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]  # untyped library
    def status_label(self, item: Item) -> tuple[str, str]:
        return item.status, item.get_status_display()

    @admin.display(description="Tags")
    def tag_labels(self, item: Item) -> str:
        labels = (
            (render_to_string("unfold/helpers/label.html", {"text": tag}),) for tag in item.tags
        )
        return format_html_join(" ", "{}", labels) or "-"

    @admin.display(description="Content")
    def content_shown(self, item: Item) -> SafeString:
        return pretty(item.content)

    @admin.display(description="Metadata")
    def metadata_shown(self, item: Item) -> SafeString:
        return pretty(item.metadata)

    @action(description="Move to trash", permissions=["moderate"])  # type: ignore[untyped-decorator]  # untyped library
    def move_to_trash(self, request: HttpRequest, queryset: ItemQuerySet) -> None:
        done = for_each(request.user, queryset.live(), services.trash_item, "item.trashed")
        messages.success(request, f"Moved to the trash: {done}.")

    @action(description="Restore", permissions=["moderate"])  # type: ignore[untyped-decorator]  # untyped library
    def restore(self, request: HttpRequest, queryset: ItemQuerySet) -> None:
        done = for_each(request.user, queryset.trashed(), services.restore_item, "item.restored")
        messages.success(request, f"Restored: {done}.")


def for_each(actor: Any, chosen: ItemQuerySet, act: Callable[..., Item], name: str) -> int:
    """Do one thing to every item chosen and note it in the audit log; return to how many."""
    done = 0
    for item_id in chosen.values_list("pk", flat=True):
        try:
            with transaction.atomic():
                act(items=Item.objects.all(), item_id=item_id)
                audit.record(
                    action=name,
                    target=f"item:{item_id}",
                    actor_id=actor.pk,
                    actor_name=actor.get_username(),
                )
        except NotFound:
            continue  # somebody else was faster
        done += 1
    return done
