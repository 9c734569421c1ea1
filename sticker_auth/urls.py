"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from sticker_auth import health
from sticker_auth.errors import bad_request, not_found, server_error

urlpatterns = [
    path("v1/", include("partners.urls")),
    path("v1/", include("organizations.urls")),
    path("", include("sessions_app.urls")),
    path("v1/openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
handler400 = bad_request
handler404 = not_found
handler500 = server_error
