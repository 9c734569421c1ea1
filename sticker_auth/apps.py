"""The project's own app configurations: the admin site, and the checks that refuse to run misconfigured."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class StickerAdminConfig(AdminConfig):
    default_site = "sticker_auth.admin_site.StickerAdminSite"


class StickerAuthConfig(AppConfig):
    name = "sticker_auth"
    verbose_name = "Sticker Auth"

    def ready(self) -> None:
        from sticker_auth import checks  # noqa: F401  # registers them
