"""What the admin pages of apps that keep bytes have in common."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin.actions import delete_selected
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alice.common.admin_site import ChoiceFilter, Row, StaffModelAdmin
from alice.common.signed_urls import DEFAULT_SECONDS, signed_url

if TYPE_CHECKING:
    # unfold has no types; its class is Django's with another face.
    from django.contrib.admin import SimpleListFilter as UnfoldTextFilter
else:
    from unfold.contrib.filters.admin import TextFilter as UnfoldTextFilter

MIB = 1024 * 1024
TAGS_SHOWN = 3


class DeletedByService(StaffModelAdmin[Row]):
    """Rows that staff look at and delete, alone or in bulk, after a question."""

    delete_selected_confirmation_template = "admin_site/delete_selected_confirmation.html"

    def delete_as(self, request: HttpRequest, row: Row) -> None:
        """Delete a row by its service, and note in the audit log who did it."""
        raise NotImplementedError

    def described(self, row: Row) -> str:
        """What the question says of a row."""
        return str(row)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def get_deleted_objects(self, objs: Iterable[Row], request: HttpRequest) -> Any:
        """What goes along is the service's matter, not for the admin to collect row by row."""
        shown = [self.described(row) for row in objs]
        return shown, {self.opts.verbose_name_plural: len(shown)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        self.delete_as(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if self.has_delete_permission(request):
            # By the name that Django's page with the question sends.
            actions["delete_selected"] = (type(self).delete_chosen, "delete_selected", "Delete")
        return actions

    def delete_chosen(self, request: HttpRequest, rows: QuerySet[Row]) -> HttpResponse | None:
        if not request.POST.get("post"):
            return delete_selected(self, request, rows)
        self.for_each(request, rows, lambda row: self.delete_as(request, row), "deleted")
        return None


class SizeFilter(ChoiceFilter):
    title = "size"
    parameter_name = "size"
    column = "size_bytes"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "small": ("Below 1 MB", self._between(0, MIB)),
            "medium": ("1 to 10 MB", self._between(MIB, 10 * MIB)),
            "large": ("10 to 100 MB", self._between(10 * MIB, 100 * MIB)),
            "huge": ("100 MB and more", ~self._between(0, 100 * MIB)),
        }

    def _between(self, least: int, end: int) -> Q:
        return Q(**{f"{self.column}__gte": least, f"{self.column}__lt": end})


class TagFilter(UnfoldTextFilter):
    """Rows that have the tag as it is typed."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        tag = (self.value() or "").strip()
        return queryset.filter(tags__contains=[tag]) if tag else queryset


def own_link(route: str, row: Model, *, verb: str, seconds: int = DEFAULT_SECONDS) -> str:
    """A signed link to what is of a row, at whichever host the admin itself was opened."""
    link = signed_url(reverse(route, args=[row.pk]), verb=verb, seconds=seconds)
    return link.removeprefix(settings.PUBLIC_URL)


def bar(percent: float, *, is_scarce: bool = False) -> SafeString:
    """A bar filled so far, with the number beside it; red for what is about to run out."""
    return format_html(
        '<div class="flex items-center gap-2"><div class="bg-base-200 dark:bg-base-700 h-1.5'
        ' overflow-hidden rounded-default shrink-0 w-24"><div class="{} h-1.5"'
        ' style="width: {}%"></div></div><span class="whitespace-nowrap">{} %</span></div>',
        "bg-red-500" if is_scarce else "bg-primary-600",
        min(100, round(percent, 1)),
        # Not all before it is all, nor nothing while there is something.
        int(percent) if percent >= 1 or not percent else "< 1",
    )


def icon(name: str) -> SafeString:
    """A picture of the icon font, for the eye only."""
    return format_html(
        '<span class="material-symbols-outlined shrink-0 text-base-400" aria-hidden="true">{}'
        "</span>",
        name,
    )


def one_line(name: str) -> SafeString:
    """A name for a list, cut where it would push the other columns away."""
    return format_html(
        '<span class="block truncate" style="max-width: min(18rem, 50vw)" title="{0}">{0}</span>',
        name,
    )


def wrapped(text: str) -> SafeString | str:
    """A text of any length, in which words too long for a line are broken too."""
    return format_html('<span style="overflow-wrap: anywhere">{}</span>', text) if text else "-"


def text_link(address: str, text: str) -> SafeString:
    """A link that is seen to be one."""
    classes = "text-primary-600 dark:text-primary-500"
    return format_html('<a class="{}" href="{}">{}</a>', classes, address, text)


def shortened(tags: list[str]) -> str:
    """The first of a row's tags, and whether there are more."""
    shown = ", ".join(tags[:TAGS_SHOWN])
    return f"{shown}, …" if len(tags) > TAGS_SHOWN else shown or "-"


def labels(tags: list[str]) -> SafeString | str:
    """All of a row's tags, each in its box."""
    boxes = ((render_to_string("unfold/helpers/label.html", {"text": tag}),) for tag in tags)
    return format_html_join(" ", "{}", boxes) or "-"
