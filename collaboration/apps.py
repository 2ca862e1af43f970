from django.apps import AppConfig


class CollaborationConfig(AppConfig):
    name = "collaboration"

    def ready(self) -> None:
        from accounts.services.exports import register_export_source  # noqa: PLC0415 - models are loaded now
        from accounts.services.profile import register_eraser  # noqa: PLC0415
        from alice.common.realtime.catching_up import register_catch_up  # noqa: PLC0415
        from collaboration import consumers, selectors, subscribers  # noqa: F401, PLC0415
        from collaboration.services import messages, rooms  # noqa: PLC0415
        from collaboration.services.shareables import register_shareable  # noqa: PLC0415
        from collaboration.services.shared_rooms import ROOM  # noqa: PLC0415

        register_shareable(ROOM)
        register_export_source("shares", selectors.share_rows)
        register_export_source("rooms", selectors.room_rows)
        register_export_source("messages", selectors.message_rows)
        register_eraser(rooms.erase_memberships)
        register_eraser(messages.erase_messages)
        register_catch_up("room", consumers.missed_messages)
