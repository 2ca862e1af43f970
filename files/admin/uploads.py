from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from alice.common.admin_parts import bar, one_line, wrapped
from alice.common.admin_site import (
    ChoiceFilter,
    DayRangeFilter,
    ReadOnlyAdmin,
    attempt,
    confirmed_action,
    labelled,
)
from files.admin.actor import actor_of
from files.models import Upload
from files.services import uploads
from system.services import audit

STATE_COLOURS = {"Uploading": "primary", "Finished": "success", "Expired": "warning"}


class UploadStateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        now, finished = timezone.now(), Q(finished_at__isnull=False)
        return {
            "uploading": ("Uploading", ~finished & Q(expires_at__gt=now)),
            "finished": ("Finished", finished),
            "expired": ("Expired", ~finished & Q(expires_at__lte=now)),
        }


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin[Upload]):
    menu_group, menu_icon = "Files", "cloud_upload"
    list_display = [
        "name",
        "owner",
        "target",
        "state",
        "progress",
        "size",
        "created_at",
        "expires_at",
    ]
    list_filter = [UploadStateFilter, ("created_at", DayRangeFilter)]
    list_select_related = ["owner"]
    search_fields = ["=id", "original_filename", "owner__username"]
    search_help_text = "A name, an owner or a whole id"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("whole_name", "owner"),
                    ("state", "progress"),
                    ("received", "size"),
                    ("target", "result_id"),
                ]
            },
        ),
        ("Time", {"fields": [("created_at", "expires_at"), "finished_at"]}),
    ]
    readonly_fields = ["whole_name", "state", "progress", "received", "size"]
    actions = ["give_up"]
    actions_detail = ["give_up_one"]

    @admin.display(description="name", ordering="original_filename")
    def name(self, upload: Upload) -> SafeString:
        return one_line(upload.original_filename)

    @admin.display(description="name")
    def whole_name(self, upload: Upload) -> SafeString | str:
        return wrapped(upload.original_filename)

    @labelled("state", STATE_COLOURS)
    def state(self, upload: Upload) -> str:
        if upload.finished_at:
            return "Finished"
        return "Uploading" if upload.expires_at > timezone.now() else "Expired"

    @admin.display(description="progress")
    def progress(self, upload: Upload) -> SafeString:
        return bar(100 * upload.offset / upload.length)

    @admin.display(description="received", ordering="offset")
    def received(self, upload: Upload) -> str:
        return filesizeformat(upload.offset)

    @admin.display(description="size", ordering="length")
    def size(self, upload: Upload) -> str:
        return filesizeformat(upload.length)

    @admin.action(description="Give up", permissions=["operate"])
    def give_up(self, request: HttpRequest, rows: QuerySet[Upload]) -> None:
        self.for_each(request, rows, lambda row: self.give_up_as(request, row), "given up")

    @confirmed_action(
        "Give up",
        "The bytes received so far are deleted. What a finished upload became stays.",
        icon="cancel",
        is_dangerous=True,
    )
    def give_up_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        upload = self.row_or_404(request, object_id)
        if not attempt(request, lambda: self.give_up_as(request, upload)):
            return self.back(request, object_id)
        messages.success(request, "The upload is given up.")
        address = reverse("admin:files_upload_changelist")
        if "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Redirect": address})
        return HttpResponseRedirect(address)

    @transaction.atomic
    def give_up_as(self, request: HttpRequest, upload: Upload) -> None:
        uploads.terminate_upload(uploads=Upload.objects.all(), upload_id=upload.pk)
        audit.record(
            action="upload.given_up",
            target=f"upload:{upload.pk}",
            **actor_of(request),
            owner_id=upload.owner_id,
            name=upload.original_filename,
        )
