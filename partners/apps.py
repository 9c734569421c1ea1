"""The partners app."""

from django.apps import AppConfig


class PartnersConfig(AppConfig):
    name = "partners"
    verbose_name = "Partners and keys"
    default_auto_field = "django.db.models.BigAutoField"
