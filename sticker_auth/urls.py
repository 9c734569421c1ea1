"""Every address of the service."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from sticker_auth import docs_pages, health
from sticker_auth.errors import bad_request, not_found, server_error
from sticker_auth.reports.views import Reports
from surfaces import well_known
from surfaces.gateway.views import elsewhere

urlpatterns = [
    path("v1/", include("partners.urls")),
    path("v1/", include("organizations.urls")),
    path("v1/", include("webhooks.urls")),
    path("connect/", include("organizations.connect_urls")),
    path("", include("sessions_app.urls")),
    path("", include("surfaces.urls")),
    path("", include("surfaces.token_urls")),
    path("", include("surfaces.leak_urls")),
    path("v1/reports/<str:report>", Reports.as_view(), name="report"),
    path("v1/openapi.json", docs_pages.openapi_json, name="openapi"),
    path("", RedirectView.as_view(pattern_name="docs")),
    path("docs", RedirectView.as_view(pattern_name="docs")),
    path("docs/", docs_pages.api_page, name="docs"),
    path("docs/errors", docs_pages.errors_page, name="docs-errors"),
    path("docs/events", docs_pages.events_page, name="docs-events"),
    path(".well-known/jwks.json", well_known.jwks, name="jwks"),
    path(".well-known/oauth-authorization-server", well_known.authorization_server),
    path(".well-known/oauth-protected-resource", well_known.protected_resource),
    path("auth/verify/<path:rest>", elsewhere, name="gateway-elsewhere"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("admin_console/mark.svg"))),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
handler400 = bad_request
handler404 = not_found
handler500 = server_error
