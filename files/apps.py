from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "files"

    def ready(self) -> None:
        from accounts.services.exports import register_export_source  # noqa: PLC0415 - models are loaded now
        from accounts.services.profile import register_eraser  # noqa: PLC0415
        from alice.common.usage import register_usage  # noqa: PLC0415
        from collaboration.services.shareables import register_shareable  # noqa: PLC0415
        from files import selectors  # noqa: PLC0415
        from files.services import blobs, files, quotas, uploads  # noqa: PLC0415
        from files.services.targets import register_upload_target  # noqa: PLC0415

        register_export_source("files", selectors.file_rows)
        register_shareable(selectors.SHAREABLE)
        register_eraser(blobs.erase_blobs)
        register_eraser(uploads.erase_uploads)
        register_upload_target("file", files.UPLOAD_TARGET)
        register_usage("storage_bytes", quotas.used_bytes)
