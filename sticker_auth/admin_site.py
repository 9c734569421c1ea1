"""The staff's admin site: Unfold when ADMIN_THEME says so, Django's plain one as the way out."""

from django.conf import settings
from django.contrib.admin import AdminSite

if settings.ADMIN_THEME == "unfold":
    from unfold.sites import UnfoldAdminSite as BaseSite
else:
    BaseSite = AdminSite


class StickerAdminSite(BaseSite):  # type: ignore[misc]  # the theme decides the base
    site_title = "Sticker Auth"
    site_header = "Sticker Auth"
    index_title = "Overview"
    site_url = None
