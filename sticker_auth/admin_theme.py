"""How the admin looks under Unfold: names, colours, the ribbon that says which deployment this is, and the navigation."""

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

Config = dict[str, Any]


def deployment_word() -> str:
    """Which deployment this is, as the ribbon says it."""
    return "Production" if settings.IS_PRODUCTION else "Development"


def ribbon(_request: HttpRequest) -> list[str]:
    """The ribbon's word and colour."""
    return [deployment_word(), "danger" if settings.IS_PRODUCTION else "info"]


def _item(title: str, icon: str, view: str, permission: str = "") -> Config:
    entry: Config = {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{view}")}
    if permission:
        entry["permission"] = _holds(permission)
    return entry


def _holds(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: bool(request.user.has_perm(permission))


_NAVIGATION: Final = [
    {"items": [_item("Overview", "space_dashboard", "index")]},
    {
        "title": "Access",
        "items": [
            _item("Partners", "storefront", "partners_partner_changelist", "partners.view_partner"),
            _item("API keys", "key", "partners_apikey_changelist", "partners.view_apikey"),
        ],
    },
    {
        "title": "Customers",
        "items": [
            _item("Organizations", "domain", "organizations_organization_changelist", "organizations.view_organization"),
            _item("Profiles", "person", "organizations_profile_changelist", "organizations.view_profile"),
            _item("Syncs", "sync", "organizations_oauthgrant_changelist", "organizations.view_oauthgrant"),
            _item("OAuth providers", "cloud", "organizations_oauthprovider_changelist", "organizations.view_oauthprovider"),
        ],
    },
    {
        "title": "Sessions",
        "items": [
            _item("Session tokens", "link", "sessions_app_sessiontoken_changelist", "sessions_app.view_sessiontoken"),
            _item("Embed sessions", "web", "sessions_app_embedsession_changelist", "sessions_app.view_embedsession"),
        ],
    },
    {
        "title": "Surfaces",
        "items": [
            _item("Surfaces", "hub", "surfaces_surface_changelist", "surfaces.view_surface"),
            _item("Rules", "rule", "surfaces_route_changelist", "surfaces.view_route"),
            _item("Entitlements", "verified_user", "surfaces_entitlement_changelist", "surfaces.view_entitlement"),
            _item("Tenant hosts", "dns", "surfaces_tenanthost_changelist", "surfaces.view_tenanthost"),
            _item("Player issuers", "stadia_controller", "surfaces_playerissuer_changelist", "surfaces.view_playerissuer"),
            _item("Gateway policies", "router", "surfaces_gatewaypolicy_changelist", "surfaces.view_gatewaypolicy"),
        ],
    },
    {
        "title": "Accounts",
        "items": [
            _item("Resellers", "badge", "surfaces_reselleraccount_changelist", "surfaces.view_reselleraccount"),
            _item("Reseller clients", "terminal", "surfaces_resellerclient_changelist", "surfaces.view_resellerclient"),
            _item("Customers", "person_check", "surfaces_customeraccount_changelist", "surfaces.view_customeraccount"),
            _item("Customers' logins", "login", "surfaces_loginsession_changelist", "surfaces.view_loginsession"),
        ],
    },
    {
        "title": "Commerce",
        "items": [
            _item("Products", "inventory_2", "surfaces_product_changelist", "surfaces.view_product"),
            _item("Orders", "shopping_cart", "surfaces_order_changelist", "surfaces.view_order"),
            _item("Payments", "payments", "surfaces_payment_changelist", "surfaces.view_payment"),
        ],
    },
    {
        "title": "Webhooks",
        "items": [
            _item("Endpoints", "webhook", "webhooks_endpoint_changelist", "webhooks.view_endpoint"),
            _item("Deliveries", "outbox", "webhooks_delivery_changelist", "webhooks.view_delivery"),
            _item("Event types", "category", "webhooks_endpoint_event_types", "webhooks.view_endpoint"),
        ],
    },
    {
        "title": "Record",
        "items": [
            _item("Ledger", "receipt_long", "audit_event_changelist", "audit.view_event"),
            _item("Reports", "bar_chart", "reports", "partners.view_keyusage"),
        ],
    },
    {
        "title": "Staff",
        "items": [
            _item("People", "badge", "auth_user_changelist", "auth.view_user"),
            _item("Roles", "shield_person", "auth_group_changelist", "auth.view_group"),
        ],
    },
]

UNFOLD: Final[Config] = {
    "SITE_TITLE": "Sticker Auth",
    "SITE_HEADER": "Sticker Auth",
    "SITE_SUBHEADER": "Staff console",
    "SITE_URL": None,
    "SITE_ICON": lambda _request: static("admin_console/mark.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("admin_console/mark.svg")},
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "ENVIRONMENT": "sticker_auth.admin_theme.ribbon",
    "STYLES": [lambda _request: static("admin_console/console.css")],
    "SCRIPTS": [lambda _request: static("admin_console/console.js")],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": _NAVIGATION},
    "COLORS": {
        "primary": {
            "50": "#f4f2ff",
            "100": "#ebe7ff",
            "200": "#d9d2ff",
            "300": "#beb0ff",
            "400": "#9f87fb",
            "500": "#7f5cf0",
            "600": "#5b3fd1",
            "700": "#4c33b3",
            "800": "#402d92",
            "900": "#372a77",
            "950": "#211851",
        },
    },
}
