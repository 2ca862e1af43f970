import math
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from alice.common.admin_parts import (
    DeletedByService,
    SizeFilter,
    TagFilter,
    icon,
    labels,
    one_line,
    own_link,
    text_link,
    wrapped,
)
from alice.common.admin_site import ChoiceFilter, DayRangeFilter, attempt, labelled
from alice.common.signed_urls import DEFAULT_SECONDS
from media.models import Media, MediaPart, MediaType, OutputFormat, Quality
from media.services import library, transcodes
from system.services import audit

if TYPE_CHECKING:
    # unfold has no types; its classes are Django's with another face.
    from django.contrib.admin import TabularInline
    from django.forms import Form as DialogForm
else:
    from unfold.admin import TabularInline
    from unfold.forms import BaseDialogForm as DialogForm

KIND_COLOURS = {"Video": "primary", "Audio": "info", "Image": "success"}
ICONS = {MediaType.VIDEO: "movie", MediaType.AUDIO: "music_note", MediaType.IMAGE: "image"}
MADE_BY_TRANSCODE = "Made by a transcode"
RENDITION_COLUMNS = ("rendition", "output_format", "quality", "size", "dimensions", "created_at")
PART_COLUMNS = ("name", "mime_type", "size")


def note(request: HttpRequest, act: str, media: Media, **details: Any) -> None:
    audit.record(
        action=act,
        target=f"media:{media.pk}",
        actor_id=request.user.pk,
        actor_name=request.user.get_username(),
        owner_id=media.owner_id,
        **details,
    )


def clock(seconds: float | None) -> str:
    """A length as players show it: m:ss, from an hour on h:mm:ss."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def media_link(media: Media) -> SafeString:
    address = reverse("admin:media_media_change", args=[media.pk])
    return text_link(address, one_line(media.original_filename))


def job_address(job_id: int) -> str:
    return reverse("admin:system_job_change", args=[job_id])


class OriginFilter(ChoiceFilter):
    title = "origin"
    parameter_name = "origin"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "upload": ("Uploaded", Q(source=None)),
            "rendition": ("Rendition", Q(source__isnull=False)),
        }


class TranscodeForm(DialogForm):
    output_format = forms.ChoiceField(label="Format", widget=UnfoldAdminSelectWidget())
    quality = forms.ChoiceField(
        choices=Quality.choices, initial=Quality.MEDIUM, widget=UnfoldAdminSelectWidget()
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = Media.objects.filter(pk=kwargs["object_id"]).first()
        field = cast("forms.ChoiceField", self.fields["output_format"])
        field.choices = formats_of(source) if source else []


def formats_of(source: Media) -> list[tuple[str, str]]:
    suitable = transcodes.formats_of(source)
    return [choice for choice in OutputFormat.choices if choice[0] in suitable]


class Shown(TabularInline[Any, Media]):
    """Rows beside a media object: who sees it sees them, and nobody edits them."""

    extra = 0
    can_delete = False
    hide_title = True
    tab = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("media.view_media")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RenditionInline(Shown):
    model = Media
    fk_name = "source"
    verbose_name_plural = "Renditions"
    fields = RENDITION_COLUMNS
    readonly_fields = RENDITION_COLUMNS
    ordering = ["pk"]

    @admin.display(description="name")
    def rendition(self, media: Media) -> SafeString:
        return media_link(media)

    @admin.display(description="size")
    def size(self, media: Media) -> str:
        return filesizeformat(media.size_bytes)

    @admin.display(description="dimensions")
    def dimensions(self, media: Media) -> str:
        return dimensions_of(media)


class PartInline(Shown):
    model = MediaPart
    verbose_name_plural = "Parts"
    fields = PART_COLUMNS
    readonly_fields = PART_COLUMNS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("blob")

    @admin.display(description="type")
    def mime_type(self, part: MediaPart) -> str:
        return part.blob.mime_type

    @admin.display(description="size")
    def size(self, part: MediaPart) -> str:
        return filesizeformat(part.blob.size_bytes)


def dimensions_of(media: Media) -> str:
    return f"{media.width} x {media.height}" if media.width else "-"


@admin.register(Media)
class MediaAdmin(DeletedByService[Media]):
    menu_group, menu_icon = "Files", "movie"
    list_display = [
        "thumbnail",
        "name",
        "owner",
        "kind",
        "length",
        "dimensions",
        "size",
        "made_from",
        "created_at",
    ]
    list_display_links = ["thumbnail", "name"]
    list_filter = [
        ("media_type", ChoicesCheckboxFilter),
        OriginFilter,
        ("output_format", ChoicesCheckboxFilter),
        SizeFilter,
        TagFilter,
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["owner", "source"]
    search_fields = ["=id", "original_filename", "owner__username", "blob__sha256__exact"]
    search_help_text = "A name, an owner, an id or a SHA-256"
    fieldsets = [
        (
            None,
            {"fields": ["player", ("whole_name", "owner"), "about", "tag_labels"]},
        ),
        (
            "What it is",
            {
                "fields": [
                    ("kind", "mime_type"),
                    ("size", "length"),
                    ("dimensions", "frames"),
                    ("video_codec", "audio_codec"),
                ]
            },
        ),
        (MADE_BY_TRANSCODE, {"fields": [("made_from", "job"), ("output_format", "quality")]}),
        ("Kept as", {"fields": ["sha256", ("blob_name", "version")]}),
        ("Time", {"fields": [("created_at", "updated_at")]}),
    ]
    readonly_fields = [
        "player",
        "whole_name",
        "about",
        "tag_labels",
        "kind",
        "mime_type",
        "size",
        "length",
        "dimensions",
        "frames",
        "made_from",
        "job",
        "sha256",
        "blob_name",
    ]
    actions_detail = ["download", "transcode"]

    def get_fieldsets(self, request: HttpRequest, obj: Media | None = None) -> Any:
        sections = super().get_fieldsets(request, obj)
        is_rendition = obj is not None and obj.job_id is not None
        return [s for s in sections if is_rendition or s[0] != MADE_BY_TRANSCODE]

    def get_inlines(self, request: HttpRequest, obj: Media | None) -> Any:
        if obj is None:
            return []
        has_parts = obj.output_format == OutputFormat.HLS
        wanted = [(RenditionInline, obj.transcoded), (PartInline, has_parts)]
        return [inline for inline, has_rows in wanted if has_rows]

    @admin.display(description="poster")
    def thumbnail(self, media: Media) -> SafeString:
        if media.poster_id is None:
            picture = icon(ICONS[MediaType(media.media_type)])
        else:
            picture = format_html(
                '<img src="{}" alt="" loading="lazy" width="64" height="40"'
                ' style="width: 4rem; height: 2.5rem; object-fit: cover">',
                own_link("media:media-poster", media, verb="poster"),
            )
        return format_html(
            '<span class="bg-base-100 dark:bg-base-800 flex items-center justify-center'
            ' overflow-hidden rounded-default" style="width: 4rem; height: 2.5rem">{}</span>',
            picture,
        )

    @admin.display(description="name", ordering="original_filename")
    def name(self, media: Media) -> SafeString:
        return one_line(media.original_filename)

    @admin.display(description="name")
    def whole_name(self, media: Media) -> SafeString | str:
        return wrapped(media.original_filename)

    @admin.display(description="description")
    def about(self, media: Media) -> SafeString | str:
        return wrapped(media.description)

    @labelled("kind", KIND_COLOURS, ordering="media_type")
    def kind(self, media: Media) -> str:
        return media.get_media_type_display()

    @admin.display(description="length", ordering="duration")
    def length(self, media: Media) -> str:
        return clock(media.duration)

    @admin.display(description="dimensions", ordering="width")
    def dimensions(self, media: Media) -> str:
        return dimensions_of(media)

    @admin.display(description="size", ordering="size_bytes")
    def size(self, media: Media) -> str:
        return filesizeformat(media.size_bytes)

    @admin.display(description="made from", ordering="source")
    def made_from(self, media: Media) -> SafeString | str:
        return media_link(media.source) if media.source else "-"

    @admin.display(description="type")
    def mime_type(self, media: Media) -> str:
        return media.blob.mime_type

    @admin.display(description="frame rate")
    def frames(self, media: Media) -> str:
        return f"{media.frame_rate:.4g} per second" if media.frame_rate else "-"

    @admin.display(description="job")
    def job(self, media: Media) -> SafeString | str:
        if media.job_id is None:
            return "-"
        return text_link(job_address(media.job_id), f"Job {media.job_id}")

    @admin.display(description="tags")
    def tag_labels(self, media: Media) -> SafeString | str:
        return labels(media.tags)

    @admin.display(description="SHA-256")
    def sha256(self, media: Media) -> SafeString | str:
        return wrapped(media.blob.sha256)

    @admin.display(description="stored name")
    def blob_name(self, media: Media) -> SafeString | str:
        return wrapped(media.blob.name)

    @admin.display(description="player")
    def player(self, media: Media) -> SafeString:
        # As long as it lasts and a while, for who pauses and seeks.
        seconds = DEFAULT_SECONDS + math.ceil(media.duration or 0)
        poster = own_link("media:media-poster", media, verb="poster") if media.poster_id else ""
        context = {
            "kind": media.media_type,
            "name": media.original_filename,
            "stream": own_link("media:media-stream", media, verb="stream", seconds=seconds),
            "poster": poster,
        }
        return render_to_string("media/player.html", context)

    @action(description="Download", permissions=["view"], icon="download")  # type: ignore[untyped-decorator]  # untyped library
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        # Signed when it is pressed, so that it works however long the page has been open.
        media = self.row_or_404(request, object_id)
        link = own_link("media:media-stream", media, verb="stream")
        return HttpResponseRedirect(f"{link}&download=true")

    @action(  # type: ignore[untyped-decorator]  # untyped library
        description="Transcode",
        permissions=["operate"],
        icon="video_settings",
        variant=ActionVariant.DEFAULT,
        dialog={
            "title": "Make a rendition",
            "description": "A worker makes it; it counts against the owner's storage.",
            "form_class": TranscodeForm,
            "form_submit_text": "Transcode",
        },
    )
    def transcode(self, request: HttpRequest, form: TranscodeForm, object_id: str) -> HttpResponse:
        media = self.row_or_404(request, object_id)
        attempt(request, lambda: self.transcode_as(request, media, form.cleaned_data))
        return self.back(request, object_id)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """HLS is many files: neither one to save nor one to make others of."""
        is_hls = Media.objects.filter(pk=object_id, output_format=OutputFormat.HLS).exists()
        return [] if is_hls else super().get_actions_detail(request, object_id)  # type: ignore[misc]

    @transaction.atomic
    def transcode_as(self, request: HttpRequest, media: Media, wanted: dict[str, Any]) -> None:
        order = {name: wanted[name] for name in ("output_format", "quality")}
        job = transcodes.request_transcode(media=Media.objects.all(), media_id=media.pk, **order)
        note(request, "media.transcode_requested", media, job_id=job.pk, **order)
        text = format_html(
            '<a class="underline" href="{}">Job {}</a> makes the rendition.',
            job_address(job.pk),
            job.pk,
        )
        messages.success(request, text)

    def described(self, row: Media) -> str:
        return f"{row} and what was made of it" if row.transcoded else str(row)

    @transaction.atomic
    def delete_as(self, request: HttpRequest, row: Media) -> None:
        library.delete_media(media=Media.objects.all(), media_id=row.pk)
        note(request, "media.deleted", row, name=row.original_filename)
