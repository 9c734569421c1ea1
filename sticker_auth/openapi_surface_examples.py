"""The examples of the surfaces' endpoints in the API document."""

from typing import Any, Final

from sticker_auth.openapi_examples import Examples

_AT: Final = "2026-01-31T09:30:00.000Z"
_TENANT: Final = {"id": "3f0d6a0e-6f0e-4c55-9a57-6b1d1f8f6a01", "slug": "northwind"}
_ORDER: Final = {
    "id": "0c5b9a57-3f0d-4a0e-8f0e-6b1d1f8f6a21",
    "status": "placed",
    "reference": "PO-1007",
    "items": [{"sku": "STK-001", "quantity": 2, "price_minor": 450, "currency": "USD"}],
    "created_at": _AT,
}
_PRODUCT: Final = {"sku": "STK-001", "name": "Round sticker, 5 cm", "price_minor": 450, "currency": "USD"}
_PAGE: Final = {"page": {"summary": "The first ten", "value": {"limit": 10}}}


def _ok(data: Any) -> dict[str, Any]:
    return {"200": {"success": True, "message": "OK", "data": data}}


def _account(credential: str, subject: str, scope: str) -> Examples:
    data = {
        "tenant": _TENANT,
        "environment": "test",
        "credential": credential,
        "subject": subject,
        "scopes": [scope],
        "expires_at": _AT,
    }
    return Examples(answers=_ok(data))


SURFACE_EXAMPLES: Final[dict[str, Examples]] = {
    "reseller_account": _account("access_token", "3b1d4a52-0c4b-4f0e-b7a9-1d0b5c2a7e44", "orders:create"),
    "storefront_account": _account("access_token", "c7a1c1f2-8a0b-4c58-93f5-0d5d8a5f2a33", "products:read"),
    "payment_account": _account("api_key", "9Vd1bTq0ZxLm", "payments:write"),
    "supplier_account": _account("api_key", "9Vd1bTq0ZxLm", "products:read"),
    "order_create": Examples(
        {
            "items": {
                "summary": "An order with a line",
                "value": {"items": [{"sku": "STK-001", "quantity": 2}], "reference": "PO-1007"},
            },
            "empty": {"summary": "An order that begins empty", "value": {}},
        },
        _ok(_ORDER),
    ),
    "order_list": Examples(_PAGE, _ok({"orders": [_ORDER], "next": None})),
    "storefront_products": Examples(_PAGE, _ok({"products": [_PRODUCT], "next": None})),
    "supplier_products": Examples(_PAGE, _ok({"products": [{**_PRODUCT, "stock": 120, "is_listed": True}], "next": None})),
    "payment_create": Examples(
        {
            "payment": {
                "summary": "Nine dollars for an order",
                "value": {"amount_minor": 900, "currency": "USD", "reference": "PAY-2201", "order_id": None},
            }
        },
        _ok(
            {
                "id": "7e441d0b-5c2a-4f0e-b7a9-5e1f4a520c4b",
                "order_id": None,
                "amount_minor": 900,
                "currency": "USD",
                "reference": "PAY-2201",
                "created_at": _AT,
            }
        ),
    ),
    "errors": Examples(
        answers={
            "200": {
                "success": True,
                "errors": [
                    {
                        "code": -23,
                        "name": "INVALID_API_KEY",
                        "status": 401,
                        "title": "Invalid API key",
                        "message": "This API key is not accepted.",
                    }
                ],
            }
        }
    ),
}
