"""Every address of the service."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from sticker_auth import docs_pages, health
from sticker_auth.errors import bad_request, not_found, server_error

urlpatterns = [
    path("v1/", include("partners.urls")),
    path("v1/", include("organizations.urls")),
    path("", include("sessions_app.urls")),
    path("v1/openapi.json", docs_pages.openapi_json, name="openapi"),
    path("", RedirectView.as_view(pattern_name="docs")),
    path("docs", RedirectView.as_view(pattern_name="docs")),
    path("docs/", docs_pages.api_page, name="docs"),
    path("docs/errors", docs_pages.errors_page, name="docs-errors"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("admin_console/mark.svg"))),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
handler400 = bad_request
handler404 = not_found
handler500 = server_error
