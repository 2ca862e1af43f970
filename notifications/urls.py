from django.urls import path

from notifications.views import broadcasts, inbox, preferences, webhooks

app_name = "notifications"

Inbox = inbox.NotificationViewSet
Endpoints = webhooks.EndpointViewSet
Deliveries = webhooks.DeliveryViewSet

urlpatterns = [
    path("notify/send", inbox.SendView.as_view(), name="send"),
    path("notify/history", Inbox.as_view({"get": "list"}), name="history"),
    path("notify/unread-count", inbox.UnreadCountView.as_view(), name="unread-count"),
    path("notify/mark-all-read", inbox.MarkAllReadView.as_view(), name="mark-all-read"),
    path("notify/preferences", preferences.PreferencesView.as_view(), name="preferences"),
    path("notify/broadcast", broadcasts.BroadcastView.as_view(), name="broadcast"),
    path(
        "notify/<id:notification_id>",
        Inbox.as_view({"get": "retrieve", "delete": "destroy"}),
        name="notification",
    ),
    *(
        path(f"notify/<id:notification_id>/{verb}", Inbox.as_view({"post": verb}), name=verb)
        for verb in ("read", "unread", "archive", "unarchive")
    ),
    path(
        "notify/webhooks",
        Endpoints.as_view({"get": "list", "post": "create"}),
        name="endpoints",
    ),
    path(
        "notify/webhooks/<id:endpoint_id>",
        Endpoints.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="endpoint",
    ),
    path(
        "notify/webhooks/<id:endpoint_id>/rotate-secret",
        Endpoints.as_view({"post": "rotate"}),
        name="endpoint-rotate",
    ),
    path(
        "notify/webhooks/<id:endpoint_id>/test",
        Endpoints.as_view({"post": "test"}),
        name="endpoint-test",
    ),
    path(
        "notify/webhooks/<id:endpoint_id>/deliveries",
        Deliveries.as_view({"get": "list"}),
        name="deliveries",
    ),
    path(
        "notify/webhooks/<id:endpoint_id>/deliveries/<id:delivery_id>/redeliver",
        Deliveries.as_view({"post": "redeliver"}),
        name="redeliver",
    ),
]
