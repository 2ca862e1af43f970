"""The staff admin: its site, and what its pages are built of."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import InvalidPage
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alice.common import request_context
from alice.common.errors import DomainError

if TYPE_CHECKING:
    # unfold has no types; its classes are Django's with another face.
    from django.contrib.admin import AdminSite as UnfoldAdminSite
    from django.contrib.admin import FieldListFilter as RangeDateFilter
    from django.contrib.admin import ModelAdmin as UnfoldModelAdmin
    from django.contrib.admin import SimpleListFilter as RadioFilter

    UnfoldAuthenticationForm = AdminAuthenticationForm
else:
    from unfold.admin import ModelAdmin as UnfoldModelAdmin
    from unfold.contrib.filters.admin import RadioFilter, RangeDateFilter
    from unfold.forms import AuthenticationForm as UnfoldAuthenticationForm
    from unfold.sites import UnfoldAdminSite

from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

Row = TypeVar("Row", bound=Model)
Method = TypeVar("Method", bound=Callable[..., Any])
View = Callable[..., HttpResponseBase]
Act = Callable[[], object]

MENU_ORDER = ["People", "Content", "Files", "Billing", "Conversations", "System"]
SENTENCES = {
    403: ("You may not do this", "Your account has no permission for this page."),
    404: ("Not found", "This page does not exist, or not any more."),
}


def environment_badge(request: HttpRequest) -> list[str]:
    """The environment beside the title, so that nobody mistakes one for the other."""
    colour = "danger" if settings.IS_PRODUCTION else "info"
    return [settings.ENVIRONMENT.capitalize(), colour]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: every registered model the user may see, in the groups its admin names."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for app in admin.site.get_app_list(request):
        for entry in app["models"]:
            model_admin = admin.site.get_model_admin(entry["model"])
            group = getattr(model_admin, "menu_group", "") or app["name"]
            item = {
                "title": entry["name"],
                "icon": getattr(model_admin, "menu_icon", "database"),
                "link": entry["admin_url"] or "",
            }
            groups.setdefault(group, []).append(item)
    home = {"title": "Overview", "icon": "monitoring", "link": reverse("admin:index")}
    ordered = sorted(groups.items(), key=lambda group: (_menu_position(group[0]), group[0]))
    return [{"title": "", "items": [home]}] + [
        {"title": title, "separator": True, "items": items} for title, items in ordered
    ]


def _menu_position(group: str) -> int:
    return MENU_ORDER.index(group) if group in MENU_ORDER else MENU_ORDER.index("System")


# The site


class LoginForm(UnfoldAuthenticationForm):
    """Sign-in by username or e-mail address; a locked account is told so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["username"]
        field.label = "Username or e-mail address"
        # Room for the longest address, where Django would stop at the longest username.
        field.widget.attrs["maxlength"] = 254

    def get_invalid_login_error(self) -> ValidationError:
        problem = getattr(self.request, "sign_in_problem", "")
        if problem:
            return ValidationError(problem, code="locked_out")
        return ValidationError("The name or the password is wrong.", code="invalid_login")


class StaffSite(UnfoldAdminSite):
    """The admin's own pages, also where it refuses: people come here, so they get HTML."""

    index_title = "Overview"
    index_template = "admin_site/dashboard.html"
    login_template = "admin_site/login.html"

    def admin_view(self, view: View, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return guarded(request, *args, **kwargs)
            except PermissionDenied:
                return self.refusal(request, 403)
            except Http404:
                return self.refusal(request, 404)

        return answer

    def refusal(self, request: HttpRequest, status: int) -> HttpResponse:
        title, sentence = SENTENCES[status]
        context = self.each_context(request) | {
            "title": title,
            "sentence": sentence,
            "request_id": request_context.current().request_id,
        }
        response = TemplateResponse(request, "admin_site/refusal.html", context, status=status)
        return response.render()

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        # One way to a new password, which ends sessions and is audited: the mailed link.
        return redirect("forgot-password")

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        try:
            return super().search(request, extra_context)  # type: ignore[misc, no-any-return]
        except (ValueError, InvalidPage) as error:
            raise Http404 from error


def install() -> None:
    """Make unfold's site, which it puts in place before any app is asked, a `StaffSite`.

    Called while the apps' admin modules are loaded; what is registered stays.
    """
    admin.site.__class__ = StaffSite
    admin.site.login_form = LoginForm


# Pages of a model


def attempt(request: HttpRequest, act: Act, about: object = "") -> bool:
    """Do `act`; a refusal is shown to the staff user. Answers whether it was done."""
    try:
        act()
    except DomainError as refusal:
        text = f"{about}: {refusal.detail}" if about else refusal.detail
        messages.error(request, text)
        return False
    return True


def pretty_json(value: Any) -> SafeString:
    """A JSON value on several lines, escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return format_html('<pre class="whitespace-pre-wrap break-words">{}</pre>', text)


def labelled(
    description: str, colours: dict[str, str], ordering: str | None = None
) -> Callable[[Method], Method]:
    """A column whose words are coloured labels: info, primary, success, warning or danger."""
    return display(description=description, label=colours, ordering=ordering)  # type: ignore[no-any-return]


def confirmed_action(
    description: str, question: str, *, icon: str = "", is_dangerous: bool = False
) -> Callable[[Callable[..., HttpResponse]], Any]:
    """A button of the detail page that asks first: opening its address changes nothing.

    The decorated method gets `(request, form, object_id)`; its `ModelAdmin` says by
    `has_operate_permission` who may.
    """
    return action(  # type: ignore[no-any-return]
        description=description,
        permissions=["operate"],
        icon=icon,
        variant=ActionVariant.DANGER if is_dangerous else ActionVariant.DEFAULT,
        dialog={
            "title": f"{description}?",
            "description": question,
            "form_class": None,
            "form_submit_text": description,
        },
    )


class StaffModelAdmin(UnfoldModelAdmin[Row]):
    """Rows that services own. What a service refuses is shown and is no fault of the server."""

    menu_group = ""
    menu_icon = "database"
    delete_confirmation_template = "admin_site/delete_confirmation.html"
    list_filter_submit = True
    show_full_result_count = False
    list_per_page = 50

    def has_operate_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Who may press the buttons that call services."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A box one can search in; Django's two lists side by side are wider than the page."""
        widget = UnfoldAdminSelect2MultipleWidget()
        classes = widget.attrs["class"]
        field: Any = super().formfield_for_manytomany(db_field, request, widget=widget, **kwargs)
        # Both treat it as a plain multiple select: without search, with a word on the Ctrl key.
        field.widget.attrs["class"] = classes
        field.help_text = db_field.help_text
        return field

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without Django's bulk delete, which goes past services."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().delete_view(request, *args, **kwargs)
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(request.get_full_path())

    def row_or_404(self, request: HttpRequest, object_id: str) -> Row:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return row

    def back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the detail page again, out of a dialog too."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        address = reverse(name, args=[unquote(object_id)])
        if "HX-Request" in request.headers:
            return HttpResponse(headers={"HX-Redirect": address})
        return HttpResponseRedirect(address)

    def for_each(
        self, request: HttpRequest, rows: Iterable[Row], act: Callable[[Row], object], done: str
    ) -> None:
        """Do `act` with every row; say `done` of how many, and why not of the others."""
        count = sum(attempt(request, lambda row=row: act(row), row) for row in rows)  # type: ignore[misc]
        if count:
            noun = self.opts.verbose_name if count == 1 else self.opts.verbose_name_plural
            messages.success(request, f"{count} {noun} {done}.")

    # The audit log is the one history, and services write it.

    def log_addition(self, request: HttpRequest, obj: Row, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Row, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Row]) -> Any:
        return None


class ReadOnlyAdmin(StaffModelAdmin[Row]):
    """To look at, never to edit."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


class ChoiceFilter(RadioFilter):
    """Named conditions of which one can be picked; any other value is ignored."""

    def conditions(self) -> dict[str, tuple[str, Q]]:
        """Per value of the parameter its label and what rows have to meet."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _condition) in self.conditions().items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.conditions().get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class DayRangeFilter(RangeDateFilter):
    """From the beginning of one day to the end of another, in UTC; what is no day is ignored."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name = self.field_path
        for bound, moment in (("from", time.min), ("to", time.max)):
            day = _day(self.used_parameters.get(f"{name}_{bound}"))
            if day:
                lookup = f"{name}__gte" if bound == "from" else f"{name}__lte"
                queryset = queryset.filter(**{lookup: datetime.combine(day, moment, UTC)})
        return queryset


def _day(text: Any) -> Any:
    try:
        return parse_date(text or "")
    except ValueError:
        return None
