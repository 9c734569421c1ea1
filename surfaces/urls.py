"""The addresses of the surfaces."""

from django.urls import path

from surfaces import introspection_views, views

urlpatterns = [
    path("v1/introspect", introspection_views.IntrospectView.as_view(), name="introspect"),
    path("v1/revoke", introspection_views.RevokeView.as_view(), name="revoke"),
    path("v1/errors", views.ErrorsView.as_view(), name="errors"),
    path("Reseller/Account", views.ResellerAccountView.as_view(), name="reseller-account"),
    path("Orders/Create", views.OrderCreateView.as_view(), name="order-create"),
    path("Orders/List", views.OrderListView.as_view(), name="order-list"),
    path("Storefront/Account", views.StorefrontAccountView.as_view(), name="storefront-account"),
    path("Storefront/Products/List", views.StorefrontProductsView.as_view(), name="storefront-products"),
    path("Payment/Account", views.PaymentAccountView.as_view(), name="payment-account"),
    path("Payment/Payments/Create", views.PaymentCreateView.as_view(), name="payment-create"),
    path("Supplier/Account", views.SupplierAccountView.as_view(), name="supplier-account"),
    path("Supplier/Products/List", views.SupplierProductsView.as_view(), name="supplier-products"),
]
