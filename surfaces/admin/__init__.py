"""The staff's console for the surfaces."""

from surfaces.admin.accounts import CustomerAccountAdmin, ResellerAccountAdmin, ResellerClientAdmin
from surfaces.admin.commerce import OrderAdmin, PaymentAdmin, ProductAdmin
from surfaces.admin.entitlements import EntitlementAdmin
from surfaces.admin.hosts import TenantHostAdmin
from surfaces.admin.logins import LoginSessionAdmin
from surfaces.admin.players import PlayerIssuerAdmin
from surfaces.admin.policies import GatewayPolicyAdmin
from surfaces.admin.routes import RouteAdmin
from surfaces.admin.surfaces import SurfaceAdmin

__all__ = [
    "CustomerAccountAdmin",
    "EntitlementAdmin",
    "GatewayPolicyAdmin",
    "LoginSessionAdmin",
    "OrderAdmin",
    "PaymentAdmin",
    "PlayerIssuerAdmin",
    "ProductAdmin",
    "ResellerAccountAdmin",
    "ResellerClientAdmin",
    "RouteAdmin",
    "SurfaceAdmin",
    "TenantHostAdmin",
]
