"""The surfaces app."""

from django.apps import AppConfig


class SurfacesConfig(AppConfig):
    name = "surfaces"
    verbose_name = "Surfaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from partners.services.partners import in_emergency
        from sessions_app.services.purge import also_purge
        from surfaces.services.emergencies import end_partner_credentials
        from surfaces.services.expiry import expired_logins

        in_emergency(end_partner_credentials)
        also_purge(expired_logins)
