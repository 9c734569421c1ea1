"""What the surfaces keep: rules and entitlements, and the small commerce data they are used on."""

from surfaces.models.accounts import (
    ClientSecret,
    CustomerAccount,
    KnownLogin,
    LoginEnd,
    LoginOrigin,
    LoginPolicy,
    LoginSession,
    ResellerAccount,
    ResellerClient,
)
from surfaces.models.commerce import Order, OrderStatus, Payment, Product
from surfaces.models.rules import Entitlement, GatewayPolicy, Route, Rulebook, Surface, TenantHost

__all__ = [
    "ClientSecret",
    "CustomerAccount",
    "Entitlement",
    "GatewayPolicy",
    "KnownLogin",
    "LoginEnd",
    "LoginOrigin",
    "LoginPolicy",
    "LoginSession",
    "Order",
    "OrderStatus",
    "Payment",
    "Product",
    "ResellerAccount",
    "ResellerClient",
    "Route",
    "Rulebook",
    "Surface",
    "TenantHost",
]
