"""What the demo needs on the four surfaces: the right to use them in test, and something to sell."""

from typing import Final

from core.principals import Actor, Environment
from partners.models import Partner
from surfaces.models import Product
from surfaces.names import SurfaceName
from surfaces.services.entitlements import grant_surface

# sku, name, price in cents, stock, whether storefronts show it
PRODUCTS: Final = (
    ("STK-001", "Round sticker, 5 cm", 450, 1200, True),
    ("STK-002", "Square sticker, 7 cm", 520, 800, True),
    ("STK-003", "Bumper sticker, weatherproof", 790, 340, True),
    ("STK-004", "Holographic sheet, A5", 1250, 95, True),
    ("LBL-010", "Address labels, roll of 500", 1890, 60, True),
    ("STK-900", "Prototype, not for sale yet", 990, 5, False),
)


def seed_surfaces(partner: Partner, *, actor: Actor) -> None:
    """Entitle the demo partner to all surfaces in test, and give it products where it has none. Safe to call twice."""
    for surface in SurfaceName:
        grant_surface(partner.pk, environment=Environment.TEST, surface=surface, reason="Demo", actor=actor)
    if not Product.objects.filter(partner=partner, environment=Environment.TEST).exists():
        Product.objects.bulk_create(
            Product(
                partner=partner,
                environment=Environment.TEST,
                sku=sku,
                name=name,
                price_minor=cents,
                currency="USD",
                stock=stock,
                is_listed=is_listed,
            )
            for sku, name, cents, stock, is_listed in PRODUCTS
        )
