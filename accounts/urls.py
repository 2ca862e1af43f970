from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts.views import account, sign_in

app_name = "accounts"
router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("auth/sessions", account.SessionViewSet, basename="session")
urlpatterns = [
    path("auth/register", sign_in.RegisterView.as_view(), name="register"),
    path("auth/login", sign_in.LoginView.as_view(), name="login"),
    path("auth/refresh", sign_in.RefreshView.as_view(), name="refresh"),
    path("auth/logout", sign_in.LogoutView.as_view(), name="logout"),
    path("auth/ticket", sign_in.TicketView.as_view(), name="ticket"),
    path("auth/me", account.MeView.as_view(), name="me"),
    path("auth/password", account.PasswordView.as_view(), name="password"),
    path(
        "auth/password/reset",
        account.PasswordResetRequestView.as_view(),
        name="password-reset",
    ),
    path(
        "auth/password/reset/confirm",
        account.PasswordResetView.as_view(),
        name="password-reset-confirm",
    ),
    path("auth/email/verify", account.EmailVerificationView.as_view(), name="email-verify"),
    path(
        "auth/email/verification",
        account.EmailVerificationMailView.as_view(),
        name="email-verification",
    ),
    path("auth/export", account.ExportView.as_view(), name="export"),
    path("auth/export/<id:job_id>", account.ExportFileView.as_view(), name="export-file"),
    *router.urls,
]
