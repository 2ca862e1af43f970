from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "content"

    def ready(self) -> None:
        from accounts.services.exports import register_export_source  # noqa: PLC0415 - models are loaded now
        from collaboration.services.shareables import register_shareable  # noqa: PLC0415
        from content import selectors  # noqa: PLC0415

        register_export_source("items", selectors.item_rows)
        register_export_source("item_revisions", selectors.revision_rows)
        register_shareable(selectors.SHAREABLE)
