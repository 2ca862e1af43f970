"""The admin, made of our apps' own pages."""

from importlib import import_module

from django.apps import apps
from django.contrib.admin.apps import SimpleAdminConfig
from django.utils.module_loading import module_has_submodule

# dj-stripe's pages would offer raw edits of money, and fail on the present form of invoices.
WITHOUT_PAGES = {"djstripe"}


class AdminConfig(SimpleAdminConfig):
    """Finds the admin pages of every app, as Django's own does, but for those left out."""

    default = False

    def ready(self) -> None:
        super().ready()
        for app in apps.get_app_configs():
            if app.name not in WITHOUT_PAGES and module_has_submodule(app.module, "admin"):
                import_module(f"{app.name}.admin")
