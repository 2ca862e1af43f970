from django.apps import AppConfig


class MediaConfig(AppConfig):
    name = "media"

    def ready(self) -> None:
        from accounts.services.exports import register_export_source  # noqa: PLC0415 - models are loaded now
        from alice.common.usage import register_usage  # noqa: PLC0415
        from collaboration.services.shareables import register_shareable  # noqa: PLC0415
        from files.services.targets import register_upload_target  # noqa: PLC0415
        from media import selectors  # noqa: PLC0415
        from media.services import kinds, library, minutes  # noqa: PLC0415

        kinds.register_kinds()
        register_upload_target("media", library.UPLOAD_TARGET)
        register_usage("transcode_minutes", minutes.used_minutes)
        register_export_source("media", selectors.media_rows)
        register_shareable(selectors.SHAREABLE)
