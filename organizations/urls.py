"""The addresses of the two setup calls."""

from django.urls import path

from organizations import views

urlpatterns = [
    path("organizations/setup", views.SetupOrganization.as_view(), name="organization-setup"),
    path("partner/organization-setup", views.SetupPartnerOrganization.as_view(), name="partner-organization-setup"),
]
