from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerView,
)
from rest_framework.negotiation import DefaultContentNegotiation

from accounts.views import pages
from alice.common.views import NowhereView, from_own_host_only
from billing.views.page import BillingPage
from collaboration.views.chat_page import ChatPage
from collaboration.views.pages import SharedPage
from system.views import ReadyView, livez

handler400 = "alice.common.errors.bad_request"
handler403 = "alice.common.errors.permission_denied"
handler404 = "alice.common.errors.page_not_found"
handler500 = "alice.common.errors.server_error"

swagger = SpectacularSwaggerView.as_view(url_name="schema")
redoc = SpectacularRedocView.as_view(url_name="schema", template_name="docs/redoc.html")

urlpatterns = [
    path("api/", include("content.urls")),
    path("api/", include("media.urls")),
    path("api/", include("files.urls")),
    path("api/", include("billing.urls")),
    path("api/", include("collaboration.urls")),
    path("api/", include("notifications.urls")),
    path("api/", include("accounts.urls")),
    path("api/", include("system.urls")),
    # YAML or JSON, by Accept or ?format=, unlike the rest of the API.
    path(
        "api/schema",
        SpectacularAPIView.as_view(content_negotiation_class=DefaultContentNegotiation),
        name="schema",
    ),
    re_path(r"^api(/|$)", NowhereView.as_view()),
    path("livez", livez, name="livez"),
    path("readyz", ReadyView.as_view(), name="readyz"),
    path("docs", from_own_host_only(swagger), name="docs"),
    path("redoc", from_own_host_only(redoc), name="redoc"),
    path("account/verify-email", pages.VerifyEmailPage.as_view(), name="verify-email"),
    path("account/reset-password", pages.ResetPasswordPage.as_view(), name="reset-password"),
    path("account/forgot-password", pages.ForgotPasswordPage.as_view(), name="forgot-password"),
    path("billing", BillingPage.as_view(), name="billing-page"),
    path("chat", ChatPage.as_view(), name="chat-page"),
    path("chat/<str:room_id>", ChatPage.as_view(), name="chat-room-page"),
    path("shared/<path:token>", SharedPage.as_view(), name="shared-page"),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("", RedirectView.as_view(pattern_name="docs")),
]
