from django.apps import AppConfig


class SystemConfig(AppConfig):
    name = "system"

    def ready(self) -> None:
        from alice import celery  # noqa: F401, PLC0415 - tasks bind to this Celery application
        from alice.common import converters  # noqa: PLC0415 - apps are loaded now
        from alice.common.idempotency import register_answer_store  # noqa: PLC0415
        from system import subscribers  # noqa: F401, PLC0415
        from system.services.answers import DatabaseAnswers  # noqa: PLC0415

        converters.register()
        register_answer_store(DatabaseAnswers())
