from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.admin.actor import actor_of
from accounts.models import Session
from accounts.services import profile
from alice.common.admin_site import (
    ChoiceFilter,
    DayRangeFilter,
    ReadOnlyAdmin,
    attempt,
    confirmed_action,
    labelled,
)


class LiveFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        live = Q(pk__in=Session.objects.live(timezone.now()).values("pk"))
        return {"live": ("Live", live), "over": ("Over", ~live)}


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin[Session]):
    menu_group, menu_icon = "People", "devices"
    list_display = ["id", "user", "device_name", "peer", "created_at", "last_seen_at", "state"]
    list_filter = [LiveFilter, ("created_at", DayRangeFilter)]
    list_select_related = ["user"]
    search_fields = ["user__username", "device", "peer"]
    fields = ["user", "device", "peer", "created_at", "last_seen_at", "expires_at", "state"]
    readonly_fields = ["state"]
    actions = ["end_sessions"]
    actions_detail = ["end_one"]

    @admin.display(description="device")
    def device_name(self, session: Session) -> str:
        return session.device if len(session.device) <= 40 else f"{session.device[:39]}…"

    @labelled("state", {"Live": "success"})
    def state(self, session: Session) -> str:
        if session.ended_at:
            return session.get_end_reason_display()
        if session.expires_at <= timezone.now():
            return "Run out"
        return "Live" if session.user.is_active else "User deactivated"

    @admin.action(description="End sessions", permissions=["operate"])
    def end_sessions(self, request: HttpRequest, rows: QuerySet[Session]) -> None:
        self.for_each(request, rows.select_related("user"), self.ending(request), "ended")

    @confirmed_action(
        "End session", "The device is signed out at once.", icon="logout", is_dangerous=True
    )
    def end_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        session = self.row_or_404(request, object_id)
        act = self.ending(request)
        if attempt(request, lambda: act(session)):
            messages.success(request, "The session is ended.")
        return self.back(request, object_id)

    def ending(self, request: HttpRequest) -> Callable[[Session], object]:
        actor = actor_of(request)
        return lambda session: profile.end_sessions_as_staff(
            user_id=session.user_id, session_ids=[session.pk], actor=actor
        )
