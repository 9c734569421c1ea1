"""What the surfaces keep: rules and entitlements, and the small commerce data they are used on."""

from surfaces.models.commerce import Order, OrderStatus, Payment, Product
from surfaces.models.rules import Entitlement, GatewayPolicy, Route, Rulebook, Surface, TenantHost

__all__ = [
    "Entitlement",
    "GatewayPolicy",
    "Order",
    "OrderStatus",
    "Payment",
    "Product",
    "Route",
    "Rulebook",
    "Surface",
    "TenantHost",
]
