"""The addresses of the setup calls and of OAuth grants."""

from django.urls import path

from organizations import grant_views, views

urlpatterns = [
    path("organizations/setup", views.SetupOrganization.as_view(), name="organization-setup"),
    path("partner/organization-setup", views.SetupPartnerOrganization.as_view(), name="partner-organization-setup"),
    path("organizations/oauth/exchange", grant_views.ExchangeCode.as_view(), name="organization-oauth-exchange"),
    # A partner's own ids may hold slashes.
    path("organizations/<path:internal_org_id>/oauth", grant_views.OrganizationGrant.as_view(), name="organization-oauth"),
    path("organizations/<path:internal_org_id>/sync", grant_views.SyncOrganization.as_view(), name="organization-sync"),
    path(
        "organizations/<path:internal_org_id>/oauth/connect",
        grant_views.ConnectOrganization.as_view(),
        name="organization-connect",
    ),
]
