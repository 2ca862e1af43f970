from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from accounts.services.exports import register_export_source  # noqa: PLC0415 - models are loaded now
        from alice.common.realtime.greetings import register_greeting  # noqa: PLC0415
        from notifications import selectors, subscribers  # noqa: F401, PLC0415
        from notifications.services import broadcasts, topics  # noqa: PLC0415

        topics.register_topics()
        register_greeting(selectors.greeting)
        broadcasts.register_kinds()
        register_export_source("notifications", selectors.notification_rows)
        register_export_source("notification_preferences", selectors.preference_rows)
        register_export_source("notification_endpoints", selectors.endpoint_rows)
