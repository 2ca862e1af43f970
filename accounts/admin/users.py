from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from accounts.admin.actor import actor_of
from accounts.models import Role, Session, User
from accounts.services import profile
from alice.common.admin_site import (
    ChoiceFilter,
    DayRangeFilter,
    StaffModelAdmin,
    attempt,
    confirmed_action,
    labelled,
)
from alice.common.errors import Invalid

SUPERUSER = "superuser"
ROLE_CHOICES = [
    (Role.USER.value, "User: no admin"),
    (Role.ADMIN.value, "Admin: what the groups allow"),
    (SUPERUSER, "Superuser: everything"),
]
ROLE_COLOURS = {"User": "info", "Admin": "warning", "Superuser": "danger"}
STATE_COLOURS = {"Active": "success", "Deactivated": "danger"}


class RoleFilter(ChoiceFilter):
    title = "role"
    parameter_name = "role"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {role.value: (role.label, Q(is_staff=role == Role.ADMIN)) for role in Role}


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "active": ("Active", Q(is_active=True)),
            "deactivated": ("Deactivated", Q(is_active=False)),
        }


class VerifiedFilter(ChoiceFilter):
    title = "e-mail"
    parameter_name = "verified"

    def conditions(self) -> dict[str, tuple[str, Q]]:
        return {
            "yes": ("Verified", Q(email_verified_at__isnull=False)),
            "no": ("Not verified", Q(email_verified_at=None)),
        }


class NewUserForm(forms.ModelForm[User]):
    password = forms.CharField(
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="8 to 128 characters. They can set their own by a mailed link.",
    )

    class Meta:
        model = User
        fields = ["username", "email"]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if cleaned is not None and not self.errors:
            try:
                profile.require_good_account(**cleaned)
            except Invalid as refusal:
                for name, sentences in refusal.details["errors"].items():
                    self.add_error(name, sentences)
        return cleaned


class RightsForm(forms.ModelForm[User]):
    role = forms.ChoiceField(
        choices=ROLE_CHOICES,
        widget=UnfoldAdminSelectWidget(),
        help_text="A change ends the user's sessions.",
    )

    class Meta:
        model = User
        fields = ["groups"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = self.instance
        self.fields["role"].initial = SUPERUSER if user.is_superuser else user.role.value


@admin.register(User)
class UserAdmin(StaffModelAdmin[User]):
    """Accounts: looked at here, changed by services only."""

    menu_group, menu_icon = "People", "person"
    list_display = [
        "username",
        "email",
        "role_label",
        "state_label",
        "signed_up",
        "last_login",
        "live_sessions",
    ]
    list_filter = [RoleFilter, StateFilter, VerifiedFilter, ("created_at", DayRangeFilter)]
    search_fields = ["username", "email"]
    readonly_fields = [
        "username",
        "email",
        "email_verified_at",
        "state_label",
        "role_label",
        "created_at",
        "last_login",
        "sessions_link",
    ]
    actions = ["activate", "deactivate", "end_all_sessions", "mail_password_reset"]
    actions_detail = ["activate_one", "deactivate_one", "end_sessions_of_one", "mail_reset_to_one"]
    account_fields = (
        ("username", "email"),
        ("state_label", "email_verified_at"),
        ("created_at", "last_login"),
        "sessions_link",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        live = Session.objects.live(timezone.now()).filter(user=OuterRef("pk"))
        count = live.order_by().values("user").annotate(count=Count("pk")).values("count")
        return super().get_queryset(request).annotate(live=Coalesce(Subquery(count), 0))

    @labelled("role", ROLE_COLOURS, ordering="is_staff")
    def role_label(self, user: User) -> str:
        return "Superuser" if user.is_superuser else user.role.label

    @labelled("state", STATE_COLOURS, ordering="is_active")
    def state_label(self, user: User) -> str:
        return "Active" if user.is_active else "Deactivated"

    @admin.display(description="signed up", ordering="created_at")
    def signed_up(self, user: User) -> datetime:
        return user.created_at

    @admin.display(description="live sessions", ordering="live")
    def live_sessions(self, user: Any) -> int:
        return int(user.live)

    @admin.display(description="live sessions")
    def sessions_link(self, user: Any) -> SafeString:
        address = reverse("admin:accounts_session_changelist")
        return format_html(
            '<a class="text-primary-600" href="{}?user__id__exact={}">{}</a>',
            address,
            user.pk,
            user.live,
        )

    # Who may do what

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Whether the form can be saved: it holds the rights, a matter of superusers."""
        is_own = obj is not None and obj.pk == request.user.pk
        return actor_of(request).is_superuser and not is_own

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_own = obj is not None and obj.pk == request.user.pk
        return super().has_delete_permission(request, obj) and not is_own

    # Adding, changing rights, deleting

    def get_form(
        self,
        request: HttpRequest,
        obj: User | None = None,
        change: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        **kwargs: Any,
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewUserForm
        elif self.has_change_permission(request, obj):
            kwargs["form"] = RightsForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("username", "email", "password")})]
        role = "role" if self.has_change_permission(request, obj) else "role_label"
        return [(None, {"fields": self.account_fields}), ("Rights", {"fields": (role, "groups")})]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if not change:
            obj.pk = profile.create_user_as_staff(**form.cleaned_data, actor=actor_of(request)).pk
        elif "role" in form.changed_data:
            role = form.cleaned_data["role"]
            profile.set_role(
                user_id=obj.pk,
                is_staff=role != Role.USER,
                is_superuser=role == SUPERUSER,
                actor=actor_of(request),
            )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if "groups" in form.changed_data:
            ids = [group.pk for group in form.cleaned_data["groups"]]
            profile.set_groups(user_id=form.instance.pk, group_ids=ids, actor=actor_of(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What a service erases is not for the admin to collect row by row."""
        shown = [f"{user.username} ({user.email}) and all they own" for user in objs]
        return shown, {"user": len(shown)}, set(), []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        profile.delete_account(owner_id=obj.pk, actor=actor_of(request))

    # Buttons

    @admin.action(description="Activate", permissions=["operate"])
    def activate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self.for_each(request, users, self.setting_active(request, is_active=True), "activated")

    @admin.action(description="Deactivate, which ends sessions", permissions=["operate"])
    def deactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        act = self.setting_active(request, is_active=False)
        self.for_each(request, users, act, "deactivated")

    @admin.action(description="End all sessions", permissions=["operate"])
    def end_all_sessions(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self.for_each(request, users, self.ending_sessions(request), "signed out everywhere")

    @admin.action(description="Mail a password reset", permissions=["operate"])
    def mail_password_reset(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self.for_each(request, users, self.mailing_reset(request), "mailed a reset link")

    @confirmed_action("Activate", "They can sign in again.", icon="person_check")
    def activate_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        act = self.setting_active(request, is_active=True)
        return self.for_one(request, object_id, act, "{} is activated.")

    @confirmed_action(
        "Deactivate",
        "Their sessions end at once and they cannot sign in any more.",
        icon="person_off",
        is_dangerous=True,
    )
    def deactivate_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        act = self.setting_active(request, is_active=False)
        return self.for_one(request, object_id, act, "{} is deactivated.")

    @confirmed_action(
        "End all sessions", "They have to sign in again on every device.", icon="logout"
    )
    def end_sessions_of_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        act = self.ending_sessions(request)
        return self.for_one(request, object_id, act, "{} is signed out everywhere.")

    @confirmed_action(
        "Mail a password reset", "They get a link that sets a new password.", icon="mail"
    )
    def mail_reset_to_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        act = self.mailing_reset(request)
        return self.for_one(request, object_id, act, "A reset link is on its way to {}.")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Of activate and deactivate the one that changes something."""
        is_active = User.objects.active().filter(pk=object_id).exists()
        useless = "_activate_one" if is_active else "_deactivate_one"
        buttons = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return [button for button in buttons if not button.action_name.endswith(useless)]

    def for_one(
        self, request: HttpRequest, object_id: str, act: Callable[[User], object], done: str
    ) -> HttpResponse:
        user = self.row_or_404(request, object_id)
        if attempt(request, lambda: act(user)):
            messages.success(request, done.format(user.username))
        return self.back(request, object_id)

    def setting_active(self, request: HttpRequest, *, is_active: bool) -> Callable[[User], object]:
        actor = actor_of(request)
        return lambda user: profile.set_active(user_id=user.pk, is_active=is_active, actor=actor)

    def ending_sessions(self, request: HttpRequest) -> Callable[[User], object]:
        actor = actor_of(request)
        return lambda user: profile.end_sessions_as_staff(
            user_id=user.pk, session_ids=None, actor=actor
        )

    def mailing_reset(self, request: HttpRequest) -> Callable[[User], object]:
        actor = actor_of(request)
        return lambda user: profile.mail_password_reset(user_id=user.pk, actor=actor)
