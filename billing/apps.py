from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from accounts.services.exports import register_export_source  # noqa: PLC0415 - models are loaded now
        from accounts.services.profile import register_eraser  # noqa: PLC0415
        from alice.common.tiers import register_tier_source  # noqa: PLC0415
        from billing import checks, selectors, stripe_api, subscribers  # noqa: F401, PLC0415
        from billing.services import customers  # noqa: PLC0415

        stripe_api.install()
        register_tier_source(selectors.tiers_of_users)
        register_export_source("subscriptions", selectors.subscription_rows)
        register_eraser(customers.erase_customers)
        customers.register_kinds()
