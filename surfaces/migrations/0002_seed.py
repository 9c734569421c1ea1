"""Seed the four surfaces with the routes this service serves itself, a gateway policy for each proxy, and the rulebook's row."""

from django.db import migrations

SURFACES = (
    (1, "reseller", "jwt", False, "Resellers' systems, signed in with an account's access token."),
    (2, "storefront", "jwt", True, "End customers' browsers and apps, with an access token or a partner's own player token."),
    (3, "payment", "api_key", False, "Payment integrations, with a surface API key."),
    (4, "supplier", "api_key", False, "Suppliers' integrations, with a surface API key."),
)
ROUTES = (
    (1, "GET", "/Reseller/Account", "", "Whom the token stands for."),
    (1, "POST", "/Orders/Create", "orders:create", "Create an order."),
    (1, "POST", "/Orders/List", "orders:read", "List one's own orders."),
    (2, "GET", "/Storefront/Account", "", "Whom the token stands for."),
    (2, "POST", "/Storefront/Products/List", "products:read", "List what the tenant sells."),
    (3, "GET", "/Payment/Account", "", "Whom the key belongs to."),
    (3, "POST", "/Payment/Payments/Create", "payments:write", "Announce a payment."),
    (4, "GET", "/Supplier/Account", "", "Whom the key belongs to."),
    (4, "POST", "/Supplier/Products/List", "products:read", "List the tenant's products with their stock."),
)
POLICIES = ("nginx", "caddy", "traefik", "envoy")


def forward(apps, _schema_editor):
    def model(name):
        return apps.get_model("surfaces", name).objects

    for number, name, mechanism, takes_player_tokens, description in SURFACES:
        model("Surface").create(
            id=number,
            name=name,
            mechanism=mechanism,
            takes_player_tokens=takes_player_tokens,
            error_family="platform",
            description=description,
        )
    for surface, method, pattern, scope, description in ROUTES:
        model("Route").create(
            surface_id=surface, method=method, pattern=pattern, shape=pattern.lower(), scope=scope, description=description
        )
    for name in POLICIES:
        model("GatewayPolicy").create(name=name, dialect=name)
    model("Rulebook").create(id=1, version=1, edits=0)


def backward(apps, _schema_editor):
    for name in ("Entitlement", "Route", "Surface", "GatewayPolicy", "Rulebook"):
        apps.get_model("surfaces", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("surfaces", "0001_surfaces_and_rules")]
    operations = [migrations.RunPython(forward, backward)]
