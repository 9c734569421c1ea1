"""The staff's console for the surfaces."""

from surfaces.admin.commerce import OrderAdmin, PaymentAdmin, ProductAdmin
from surfaces.admin.entitlements import EntitlementAdmin
from surfaces.admin.hosts import TenantHostAdmin
from surfaces.admin.players import PlayerIssuerAdmin
from surfaces.admin.policies import GatewayPolicyAdmin
from surfaces.admin.routes import RouteAdmin
from surfaces.admin.surfaces import SurfaceAdmin

__all__ = [
    "EntitlementAdmin",
    "GatewayPolicyAdmin",
    "OrderAdmin",
    "PaymentAdmin",
    "PlayerIssuerAdmin",
    "ProductAdmin",
    "RouteAdmin",
    "SurfaceAdmin",
    "TenantHostAdmin",
]
