"""Entitle every partner, give some of them a surface key and a client, and say which keys and tokens can be checked.

A program of its own: `python -m bench.seed_gateway COUNT`, with the environment of a service whose tables are filled and the
base address of the gateway that will check the tokens: it stands in them.
"""

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import django

django.setup()

from django.utils import timezone  # noqa: E402  # models need the setup

from bench import seeds  # noqa: E402
from core.base62 import random_text  # noqa: E402
from core.credentials import KeyKind, hash_key, key_digest, mint_key  # noqa: E402
from core.keyring import pepper_ring  # noqa: E402
from core.principals import Environment  # noqa: E402
from partners.models import ApiKey, Partner  # noqa: E402
from partners.scopes import Scope  # noqa: E402
from surfaces.models import ResellerClient  # noqa: E402
from surfaces.names import SurfaceName  # noqa: E402
from surfaces.tokens import Grant, mint_token  # noqa: E402

SCOPES: Final = frozenset({Scope.ORDERS_CREATE, Scope.PRODUCTS_READ})
_ENTITLEMENTS: Final = """
INSERT INTO surfaces_entitlement (partner_id, environment, surface_id, granted_by)
SELECT p.id, 'live', s.id, 'ops' FROM partners_partner p CROSS JOIN surfaces_surface s
ON CONFLICT DO NOTHING
"""


def main(arguments: Sequence[str]) -> None:
    """Fill, and print the credentials."""
    count = int(arguments[0])
    seeds.execute(_ENTITLEMENTS)
    partners = [Partner(pk=row[0]) for row in seeds.rows("SELECT id FROM partners_partner ORDER BY id LIMIT %s", [count])]
    answer = {"keys": _keys(partners), "tokens": _tokens(partners)}
    for table in ("surfaces_entitlement", "partners_apikey", "surfaces_resellerclient"):
        seeds.execute(f"VACUUM (ANALYZE) {table}")
    seeds.hand_over(answer)


def _keys(partners: Sequence[Partner]) -> list[str]:
    pepper, now = pepper_ring().active, timezone.now()
    first = int(seeds.execute("SELECT max(id) + 1 FROM partners_apikey"))
    minted = [mint_key(KeyKind.SURFACE, Environment.LIVE) for _ in partners]
    common: dict[str, Any] = {
        "kind": KeyKind.SURFACE,
        "environment": Environment.LIVE,
        "pepper_id": pepper.id,
        "scopes": SCOPES,
        "name": "Integration",
        "created_by": "ops",
        "expires_at": now + timedelta(days=275),
        "last_used_at": now,
    }
    ApiKey.objects.bulk_create(
        ApiKey(
            id=first + number,
            family_id=first + number,
            partner=partner,
            kid=key.kid,
            digest=key_digest(pepper, hash_key(key.plaintext)),
            **common,
        )
        for number, (partner, key) in enumerate(zip(partners, minted, strict=True))
    )
    return [key.plaintext for key in minted]


def _tokens(partners: Sequence[Partner]) -> list[str]:
    clients = ResellerClient.objects.bulk_create(
        ResellerClient(
            partner=partner,
            environment=Environment.LIVE,
            client_id=f"rc_live_{random_text(16)}",
            name="Integration",
            scopes=SCOPES,
        )
        for partner in partners
    )
    return [mint_token(_grant(client), now=timezone.now()).text for client in clients]


def _grant(client: ResellerClient) -> Grant:
    return Grant(
        surface=SurfaceName.RESELLER,
        partner_id=client.partner_id,
        environment=Environment.LIVE,
        subject=client.pk,
        client_id=client.client_id,
        scopes=SCOPES,
        partner_epoch=0,
        subject_epoch=0,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
