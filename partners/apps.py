"""The partners app."""

from django.apps import AppConfig


class PartnersConfig(AppConfig):
    name = "partners"
    verbose_name = "Partners and keys"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from core.api import on_exposure
        from partners.authentication import name_exposed_key

        on_exposure(name_exposed_key)
