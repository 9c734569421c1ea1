"""The endpoints of the four surfaces that this service serves itself, and the numeric catalogue of refusals."""

from typing import ClassVar, Final

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api import ApiView
from core.errors import catalogue
from core.http import context_of
from core.responses import json_response, platform_success
from surfaces import shapes
from surfaces.authentication import SurfaceView, caller_of
from surfaces.names import SurfaceName
from surfaces.services import commerce

_CACHING: Final = {"Cache-Control": "public, max-age=300"}


class AccountView(SurfaceView):
    """Whom the credential stands for; answered from the one read that proved it."""

    def get(self, request: Request) -> HttpResponse:
        return platform_success(shapes.account(caller_of(request)))


class ResellerAccountView(AccountView):
    surface = SurfaceName.RESELLER
    required_scopes: ClassVar = {"GET": None}

    @extend_schema(operation_id="reseller_account", summary="Whom the token stands for", responses=shapes.AccountAnswer)
    def get(self, request: Request) -> HttpResponse:
        return super().get(request)


class StorefrontAccountView(AccountView):
    surface = SurfaceName.STOREFRONT
    required_scopes: ClassVar = {"GET": None}

    @extend_schema(operation_id="storefront_account", summary="Whom the token stands for", responses=shapes.AccountAnswer)
    def get(self, request: Request) -> HttpResponse:
        return super().get(request)


class PaymentAccountView(AccountView):
    surface = SurfaceName.PAYMENT
    required_scopes: ClassVar = {"GET": None}

    @extend_schema(operation_id="payment_account", summary="Whom the key belongs to", responses=shapes.AccountAnswer)
    def get(self, request: Request) -> HttpResponse:
        return super().get(request)


class SupplierAccountView(AccountView):
    surface = SurfaceName.SUPPLIER
    required_scopes: ClassVar = {"GET": None}

    @extend_schema(operation_id="supplier_account", summary="Whom the key belongs to", responses=shapes.AccountAnswer)
    def get(self, request: Request) -> HttpResponse:
        return super().get(request)


class OrderCreateView(SurfaceView):
    """Create an order. It may begin empty; your own reference makes a repeated call recognisable (409 with the order's id)."""

    surface = SurfaceName.RESELLER
    required_scopes: ClassVar = {"POST": "orders:create"}

    @extend_schema(
        operation_id="order_create",
        summary="Create an order",
        request=shapes.OrderCreateRequest,
        responses=shapes.OrderAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        proven = caller_of(request)
        lines, reference = shapes.order_lines(self.optional_body(request))
        actor = proven.actor(context_of(request._request))
        return platform_success(shapes.order(commerce.create_order(proven, lines=lines, reference=reference, actor=actor)))


class OrderListView(SurfaceView):
    """The caller's own orders, newest first."""

    surface = SurfaceName.RESELLER
    required_scopes: ClassVar = {"POST": "orders:read"}

    @extend_schema(
        operation_id="order_list",
        summary="List one's own orders",
        request=shapes.OrderListRequest,
        responses=shapes.OrdersAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        limit, before = shapes.order_page(self.optional_body(request))
        return platform_success(shapes.orders(commerce.list_orders(caller_of(request), limit=limit, before=before)))


class StorefrontProductsView(SurfaceView):
    """What the tenant sells: its listed products."""

    surface = SurfaceName.STOREFRONT
    required_scopes: ClassVar = {"POST": "products:read"}

    @extend_schema(
        operation_id="storefront_products",
        summary="List what the tenant sells",
        request=shapes.ProductListRequest,
        responses=shapes.StorefrontProductsAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        limit, after = shapes.product_page(self.optional_body(request))
        page = commerce.list_products(caller_of(request), limit=limit, after=after, is_listed_only=True)
        return platform_success(shapes.storefront_products(page))


class PaymentCreateView(SurfaceView):
    """Announce a payment. Your own reference makes a repeated call recognisable (409 with the payment's id)."""

    surface = SurfaceName.PAYMENT
    required_scopes: ClassVar = {"POST": "payments:write"}

    @extend_schema(
        operation_id="payment_create",
        summary="Announce a payment",
        request=shapes.PaymentCreateRequest,
        responses=shapes.PaymentAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        proven, wish = caller_of(request), shapes.payment_wish(self.read_body(request))
        actor = proven.actor(context_of(request._request))
        return platform_success(shapes.payment(commerce.create_payment(proven, wish=wish, actor=actor)))


class SupplierProductsView(SurfaceView):
    """All products of the tenant, with their stock."""

    surface = SurfaceName.SUPPLIER
    required_scopes: ClassVar = {"POST": "products:read"}

    @extend_schema(
        operation_id="supplier_products",
        summary="List the tenant's products with their stock",
        request=shapes.ProductListRequest,
        responses=shapes.SupplierProductsAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        limit, after = shapes.product_page(self.optional_body(request))
        page = commerce.list_products(caller_of(request), limit=limit, after=after, is_listed_only=False)
        return platform_success(shapes.supplier_products(page))


class ErrorsView(ApiView):
    """Every refusal a caller can meet, by its number. The numbers are for programs and never change their meaning."""

    @extend_schema(operation_id="errors", summary="The numeric catalogue of refusals", responses=shapes.Catalogue)
    def get(self, _request: Request) -> HttpResponse:
        entries = [shapes.catalogue_line(each) for each in catalogue()]
        return json_response({"success": True, "errors": entries}, headers=_CACHING)
