"""Wiring of the ledger: it listens to every refusal of the API shell."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit.refusals import count_refusal
        from core.api import on_refusal

        on_refusal(count_refusal)
