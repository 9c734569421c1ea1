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
from surfaces.models.players import Algorithm, JtiPolicy, JwksCache, KeySource, PlayerIssuer, PlayerJti, PlayerKey
from surfaces.models.rules import Entitlement, GatewayPolicy, Route, Rulebook, Surface, TenantHost

__all__ = [
    "Algorithm",
    "ClientSecret",
    "CustomerAccount",
    "Entitlement",
    "GatewayPolicy",
    "JtiPolicy",
    "JwksCache",
    "KeySource",
    "KnownLogin",
    "LoginEnd",
    "LoginOrigin",
    "LoginPolicy",
    "LoginSession",
    "Order",
    "OrderStatus",
    "Payment",
    "PlayerIssuer",
    "PlayerJti",
    "PlayerKey",
    "Product",
    "ResellerAccount",
    "ResellerClient",
    "Route",
    "Rulebook",
    "Surface",
    "TenantHost",
]
