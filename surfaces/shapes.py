"""The wire shapes of the endpoints of the surfaces: `success`, `message`, `data`."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from core.errors import CatalogueEntry
from core.fields import StrictTextField, validated
from core.strict_json import JsonObject
from surfaces.models import Order, Payment, Product
from surfaces.services.commerce import DEFAULT_PAGE, OrderLine, Page, PaymentWish
from surfaces.verification import CredentialKind, Proven

MAX_PAGE = 200
MAX_LINES = 200
MAX_QUANTITY = 1_000_000


class StrictIntegerField(serializers.IntegerField):
    """A whole number that arrives as a JSON number, not as a text or a truth value."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise serializers.ValidationError("This must be a whole number.", code="invalid")
        return int(super().to_internal_value(data))


class StrictUuidField(serializers.UUIDField):
    """A UUID that arrives as a text: the stock field takes any number, and `false`, for one."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a UUID.", code="invalid")
        return UUID(str(super().to_internal_value(data)))


def _serializer(name: str, **fields: serializers.Field[Any, Any, Any, Any]) -> type[serializers.Serializer[Any]]:
    return type(name, (serializers.Serializer,), {"success": serializers.BooleanField(), **fields})


def _enveloped(name: str, data: serializers.Field[Any, Any, Any, Any]) -> type[serializers.Serializer[Any]]:
    return _serializer(name, message=serializers.CharField(), data=data)


class OrderLineRequest(serializers.Serializer[Any]):
    sku = StrictTextField(max_length=64)
    quantity = StrictIntegerField(min_value=1, max_value=MAX_QUANTITY, default=1)


class OrderCreateRequest(serializers.Serializer[Any]):
    items = serializers.ListField(child=OrderLineRequest(), max_length=MAX_LINES, required=False, allow_null=True)
    reference = StrictTextField(max_length=128, required=False, allow_blank=True, allow_null=True)


class OrderListRequest(serializers.Serializer[Any]):
    limit = StrictIntegerField(min_value=1, max_value=MAX_PAGE, default=DEFAULT_PAGE)
    before = StrictUuidField(required=False, allow_null=True, help_text="`next` of the answer before.")


class ProductListRequest(serializers.Serializer[Any]):
    limit = StrictIntegerField(min_value=1, max_value=MAX_PAGE, default=DEFAULT_PAGE)
    after = StrictTextField(max_length=64, required=False, allow_null=True, help_text="`next` of the answer before.")


class PaymentCreateRequest(serializers.Serializer[Any]):
    amount_minor = StrictIntegerField(min_value=1, max_value=10**12, help_text="In the currency's smallest unit.")
    currency = serializers.RegexField(r"^[A-Z]{3}$", help_text="ISO 4217.")
    reference = StrictTextField(max_length=128, required=False, allow_blank=True, allow_null=True)
    order_id = StrictUuidField(required=False, allow_null=True)


class TenantData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()


class AccountData(serializers.Serializer[Any]):
    tenant = TenantData()
    environment = serializers.ChoiceField(["live", "test"])
    credential = serializers.ChoiceField([kind.value for kind in CredentialKind])
    subject = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(allow_null=True)


class OrderLineData(serializers.Serializer[Any]):
    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    price_minor = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField(allow_null=True)


class OrderData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(["draft", "placed"])
    reference = serializers.CharField(allow_null=True)
    items = OrderLineData(many=True)
    created_at = serializers.DateTimeField()


class PaymentData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    order_id = serializers.UUIDField(allow_null=True)
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()
    reference = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class StorefrontProductData(serializers.Serializer[Any]):
    sku = serializers.CharField()
    name = serializers.CharField()
    price_minor = serializers.IntegerField()
    currency = serializers.CharField()


class SupplierProductData(StorefrontProductData):
    stock = serializers.IntegerField()
    is_listed = serializers.BooleanField()


class OrdersData(serializers.Serializer[Any]):
    orders = OrderData(many=True)
    next = serializers.CharField(allow_null=True)


class StorefrontProductsData(serializers.Serializer[Any]):
    products = StorefrontProductData(many=True)
    next = serializers.CharField(allow_null=True)


class SupplierProductsData(serializers.Serializer[Any]):
    products = SupplierProductData(many=True)
    next = serializers.CharField(allow_null=True)


class CatalogueLine(serializers.Serializer[Any]):
    code = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.IntegerField()
    title = serializers.CharField()
    message = serializers.CharField()


Catalogue = _serializer("Catalogue", errors=CatalogueLine(many=True))
AccountAnswer = _enveloped("AccountAnswer", AccountData())
OrderAnswer = _enveloped("OrderAnswer", OrderData())
OrdersAnswer = _enveloped("OrdersAnswer", OrdersData())
PaymentAnswer = _enveloped("PaymentAnswer", PaymentData())
StorefrontProductsAnswer = _enveloped("StorefrontProductsAnswer", StorefrontProductsData())
SupplierProductsAnswer = _enveloped("SupplierProductsAnswer", SupplierProductsData())


def order_lines(body: JsonObject) -> tuple[list[OrderLine], str]:
    """The lines of an order, none for an order that begins empty, and its reference."""
    fields = validated(OrderCreateRequest, body)
    lines = [OrderLine(each["sku"], each["quantity"]) for each in fields.get("items") or ()]
    return lines, fields.get("reference") or ""


def payment_wish(body: JsonObject) -> PaymentWish:
    """A payment as announced."""
    fields = validated(PaymentCreateRequest, body)
    reference, order_id = fields.get("reference") or "", fields.get("order_id")
    return PaymentWish(fields["amount_minor"], fields["currency"], reference, order_id)


def order_page(body: JsonObject) -> tuple[int, UUID | None]:
    """How many orders are asked for, and before which."""
    fields = validated(OrderListRequest, body)
    return fields["limit"], fields.get("before")


def product_page(body: JsonObject) -> tuple[int, str]:
    """How many products are asked for, and after which sku."""
    fields = validated(ProductListRequest, body)
    return fields["limit"], fields.get("after") or ""


def account(proven: Proven) -> JsonObject:
    """Whom a credential stands for."""
    return {
        "tenant": {"id": proven.partner_id, "slug": proven.partner_slug},
        "environment": proven.environment.value,
        "credential": proven.kind.value,
        "subject": proven.subject,
        "scopes": sorted(str(scope) for scope in proven.scopes),
        "expires_at": proven.expires_at,
    }


def order(row: Order) -> JsonObject:
    """One order."""
    return {
        "id": row.id,
        "status": str(row.status),
        "reference": row.reference or None,
        "items": row.items,
        "created_at": row.created_at,
    }


def orders(page: Page[Order]) -> JsonObject:
    """A page of orders."""
    return {"orders": [order(row) for row in page.rows], "next": str(page.rows[-1].id) if page.has_more else None}


def payment(row: Payment) -> JsonObject:
    """One payment."""
    return {
        "id": row.id,
        "order_id": row.order_id,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "reference": row.reference or None,
        "created_at": row.created_at,
    }


def storefront_products(page: Page[Product]) -> JsonObject:
    """A page of what a tenant sells."""
    return {"products": [_product(row) for row in page.rows], "next": _next_sku(page)}


def supplier_products(page: Page[Product]) -> JsonObject:
    """A page of a tenant's products as suppliers see them."""
    rows = [{**_product(row), "stock": row.stock, "is_listed": row.is_listed} for row in page.rows]
    return {"products": rows, "next": _next_sku(page)}


def catalogue_line(entry: CatalogueEntry) -> JsonObject:
    """One refusal of the numeric catalogue."""
    return {
        "code": entry.code,
        "name": entry.slug,
        "status": entry.status,
        "title": entry.title,
        "message": entry.message,
    }


def _product(row: Product) -> JsonObject:
    return {"sku": row.sku, "name": row.name, "price_minor": row.price_minor, "currency": row.currency}


def _next_sku(page: Page[Product]) -> str | None:
    return page.rows[-1].sku if page.has_more else None
