from django.apps import AppConfig


class MediaConfig(AppConfig):
    name = "media"

    def ready(self) -> None:
        from accounts.services.exports import register_export_source  # noqa: PLC0415 - models are loaded now
        from collaboration.services.shareables import register_shareable  # noqa: PLC0415
        from files.services.targets import register_upload_target  # noqa: PLC0415
        from media import selectors  # noqa: PLC0415
        from media.services import kinds, library  # noqa: PLC0415

        kinds.register_kinds()
        register_upload_target("media", library.UPLOAD_TARGET)
        register_export_source("media", selectors.media_rows)
        register_shareable(selectors.SHAREABLE)
