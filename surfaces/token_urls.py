"""The addresses where tokens are asked for."""

from django.urls import path

from surfaces import token_views

urlpatterns = [
    path("Login/Customer/Api/Verify", token_views.GenerateTokenView.as_view(), name="generate-token"),
    path("Login/Customer/Verify", token_views.CustomerLoginView.as_view(), name="customer-login"),
    path("v1/reseller/token", token_views.ResellerTokenView.as_view(), name="reseller-token"),
    path("v1/storefront/token", token_views.StorefrontTokenView.as_view(), name="storefront-token"),
    path("v1/storefront/logout", token_views.StorefrontLogoutView.as_view(), name="storefront-logout"),
]
