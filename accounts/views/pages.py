"""The few pages that mailed links lead to."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from accounts.services import passwords, profile
from alice.common import gate, request_context
from alice.common.errors import DomainError

TEMPLATE = "accounts/page.html"


class AccountPage(View):
    """A form with one button: opening a link changes nothing, for mail scanners open links too."""

    title = ""
    button = ""
    asks_password = False
    asks_email = False
    done = ""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            gate.admit_peer(request, request_context.current().peer)
        except DomainError as error:
            return self.show(request, problem=error.detail, status=error.status)
        response = super().dispatch(request, *args, **kwargs)
        # The token stays out of Referer; under "no-referrer" browsers would send "Origin: null"
        # with the form, which CSRF protection refuses.
        response.headers["Referrer-Policy"] = "strict-origin"
        response.headers["Cache-Control"] = "no-store"
        return response  # type: ignore[return-value]  # no view here streams

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            self.act(request)
        except DomainError as error:
            return self.show(request, problem=error.detail, status=error.status)
        return self.show(request, done=self.done)

    def act(self, request: HttpRequest) -> None:
        raise NotImplementedError

    def show(
        self, request: HttpRequest, *, problem: str = "", done: str = "", status: int = 200
    ) -> HttpResponse:
        context = {
            "page": self,
            "problem": problem,
            "done": done,
            "token": request.POST.get("token") or request.GET.get("token", ""),
        }
        return render(request, TEMPLATE, context, status=status)


class VerifyEmailPage(AccountPage):
    title = "Confirm your e-mail address"
    button = "Confirm"
    done = "Your e-mail address is confirmed."

    def act(self, request: HttpRequest) -> None:
        profile.verify_email(token=request.POST.get("token", ""))


class ResetPasswordPage(AccountPage):
    title = "Set a new password"
    button = "Set password"
    asks_password = True
    done = "Your new password is set. Sign in with it."

    def act(self, request: HttpRequest) -> None:
        passwords.reset_password(
            token=request.POST.get("token", ""), new_password=request.POST.get("password", "")
        )


class ForgotPasswordPage(AccountPage):
    title = "Forgot your password?"
    button = "Mail me a link"
    asks_email = True
    done = "If this address has an account, a mail is on its way."

    def act(self, request: HttpRequest) -> None:
        email = request.POST.get("email", "").replace("\0", "")
        passwords.request_password_reset(email=email[:254])
