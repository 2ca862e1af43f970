from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import subscribers  # noqa: F401, PLC0415 - models are loaded now
        from accounts.services import (  # noqa: PLC0415
            exports,
            mails,
            profile,
            sessions,
            tickets,
            tokens,
        )
        from alice.common import gate  # noqa: PLC0415
        from alice.common.realtime.signing_in import register_identities  # noqa: PLC0415

        gate.register_session_source(sessions.note_use)
        gate.register_live_source(sessions.live_sessions)
        register_identities(by_token=tokens.read_access, by_ticket=tickets.redeem_ticket)
        mails.register_kinds()
        exports.register_kinds()
        profile.register_eraser(exports.erase_exports)
