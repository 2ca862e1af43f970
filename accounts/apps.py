from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import subscribers  # noqa: F401, PLC0415 - models are loaded now
        from accounts.services import exports, mails, profile, sessions  # noqa: PLC0415
        from alice.common import gate  # noqa: PLC0415

        gate.register_session_source(sessions.note_use)
        mails.register_kinds()
        exports.register_kinds()
        profile.register_eraser(exports.erase_exports)
