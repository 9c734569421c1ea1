"""The project's own app configurations: the admin site, and the checks that refuse to run misconfigured."""

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries


class StickerAdminConfig(AdminConfig):
    default_site = "sticker_auth.admin_site.StickerAdminSite"


class StickerAuthConfig(AppConfig):
    name = "sticker_auth"
    verbose_name = "Sticker Auth"

    def ready(self) -> None:
        from sticker_auth import checks  # noqa: F401  # registers them

        _drop_idle_receivers()


def _drop_idle_receivers() -> None:
    """Take off what Django does around each request and what has nothing to do here: it takes a twentieth of a call's time.

    Nothing is cached, queries are recorded in debugging only, and connections are looked after at the end of each request.
    """
    request_finished.disconnect(close_caches)
    request_started.disconnect(close_old_connections)
    if not settings.DEBUG:
        request_started.disconnect(reset_queries)
