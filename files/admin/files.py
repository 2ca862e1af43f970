from django.contrib import admin
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action

from alice.common.admin_parts import (
    DeletedByService,
    SizeFilter,
    TagFilter,
    icon,
    labels,
    one_line,
    own_link,
    shortened,
    wrapped,
)
from alice.common.admin_site import ChoiceFilter, DayRangeFilter
from files.admin.actor import actor_of
from files.models import File
from files.selectors import PICTURE_BYTES_MAX, PICTURE_TYPES
from files.services import files
from system.services import audit

ICONS = {
    "image/": "image",
    "video/": "movie",
    "audio/": "music_note",
    "text/": "description",
    "application/pdf": "picture_as_pdf",
    "application/zip": "folder_zip",
    "application/json": "data_object",
}


def icon_of(mime_type: str) -> str:
    found = (name for start, name in ICONS.items() if mime_type.startswith(start))
    return next(found, "draft")


class KindFilter(ChoiceFilter):
    title = "type"
    parameter_name = "kind"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        named = {
            "image": ("Images", Q(blob__mime_type__startswith="image/")),
            "video": ("Videos", Q(blob__mime_type__startswith="video/")),
            "audio": ("Sounds", Q(blob__mime_type__startswith="audio/")),
            "text": ("Texts", Q(blob__mime_type__startswith="text/")),
            "pdf": ("PDF", Q(blob__mime_type="application/pdf")),
        }
        any_named = Q(*[condition for _label, condition in named.values()], _connector=Q.OR)
        return named | {"other": ("Others", ~any_named)}


class BlobSizeFilter(SizeFilter):
    column = "blob__size_bytes"


@admin.register(File)
class FileAdmin(DeletedByService[File]):
    menu_group, menu_icon = "Files", "draft"
    list_display = ["name", "owner", "size", "mime_type", "tag_names", "created_at"]
    list_filter = [KindFilter, BlobSizeFilter, TagFilter, ("created_at", DayRangeFilter)]
    list_select_related = ["owner", "blob"]
    search_fields = ["=id", "original_filename", "owner__username", "blob__sha256__exact"]
    search_help_text = "A name, an owner, an id or a SHA-256"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "preview",
                    ("whole_name", "owner"),
                    ("size", "mime_type"),
                    "about",
                    "tag_labels",
                ]
            },
        ),
        ("Kept as", {"fields": ["sha256", ("blob_name", "version")]}),
        ("Time", {"fields": [("created_at", "updated_at")]}),
    ]
    readonly_fields = [
        "preview",
        "whole_name",
        "about",
        "size",
        "mime_type",
        "tag_labels",
        "sha256",
        "blob_name",
    ]
    actions_detail = ["download"]

    @admin.display(description="name", ordering="original_filename")
    def name(self, file: File) -> SafeString:
        return format_html(
            '<span class="flex items-center gap-2">{}{}</span>',
            icon(icon_of(file.blob.mime_type)),
            one_line(file.original_filename),
        )

    @admin.display(description="name")
    def whole_name(self, file: File) -> SafeString | str:
        return wrapped(file.original_filename)

    @admin.display(description="description")
    def about(self, file: File) -> SafeString | str:
        return wrapped(file.description)

    @admin.display(description="size", ordering="blob__size_bytes")
    def size(self, file: File) -> str:
        return filesizeformat(file.blob.size_bytes)

    @admin.display(description="type", ordering="blob__mime_type")
    def mime_type(self, file: File) -> str:
        return file.blob.mime_type

    @admin.display(description="tags")
    def tag_names(self, file: File) -> str:
        return shortened(file.tags)

    @admin.display(description="tags")
    def tag_labels(self, file: File) -> SafeString | str:
        return labels(file.tags)

    @admin.display(description="SHA-256")
    def sha256(self, file: File) -> SafeString | str:
        return wrapped(file.blob.sha256)

    @admin.display(description="stored name")
    def blob_name(self, file: File) -> SafeString | str:
        return wrapped(file.blob.name)

    @admin.display(description="preview")
    def preview(self, file: File) -> SafeString | str:
        blob = file.blob
        if blob.mime_type not in PICTURE_TYPES or blob.size_bytes > PICTURE_BYTES_MAX:
            return "-"
        return format_html(
            '<img src="{}" alt="{}" loading="lazy" class="max-w-full rounded-default"'
            ' style="max-height: 20rem">',
            own_link("files:file-download", file, verb="download"),
            file.original_filename,
        )

    @action(description="Download", permissions=["view"], icon="download")  # type: ignore[untyped-decorator]  # untyped library
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        # Signed when it is pressed, so that it works however long the page has been open.
        file = self.row_or_404(request, object_id)
        return HttpResponseRedirect(own_link("files:file-download", file, verb="download"))

    @transaction.atomic
    def delete_as(self, request: HttpRequest, row: File) -> None:
        files.delete_file(files=File.objects.all(), file_id=row.pk)
        audit.record(
            action="file.deleted",
            target=f"file:{row.pk}",
            **actor_of(request),
            owner_id=row.owner_id,
            name=row.original_filename,
        )
