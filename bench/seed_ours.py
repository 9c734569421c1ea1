"""Fill our tables with N keys of N/10 partners, of which some can be used, and say what those are.

A program of its own: `python -m bench.seed_ours ROWS USED`, with the service's environment. Each key is one as it is in
production: named, with an expiry, created by somebody.
"""

import sys
from collections.abc import Sequence
from typing import Any, Final

import django

django.setup()

from django.core.management import call_command  # noqa: E402  # models need the setup
from django.db import transaction  # noqa: E402

from bench import seeds  # noqa: E402
from core.credentials import KeyKind, hash_key, key_digest, mint_key  # noqa: E402
from core.keyring import pepper_ring  # noqa: E402
from core.principals import Environment  # noqa: E402
from partners.scopes import Scope, to_bits  # noqa: E402

KEYS_PER_PARTNER: Final = 10
_SCOPES: Final = (Scope.ORGANIZATION_WRITE, Scope.SESSION_CREATE, Scope.SESSION_READ, Scope.KEY_READ)
_PARTNER_ID: Final = "md5('partner' || {number})::uuid"

_PARTNERS: Final = f"""
INSERT INTO partners_partner (id, name, slug, status, auth_epoch, setup_per_minute, handshake_per_minute)
SELECT {_PARTNER_ID.format(number="n")}, 'Partner ' || n, 'partner-' || n, 'active', 0, 6000000, 6000000
FROM generate_series(0, %s) AS n
"""
# The public ids of the rows nobody uses are 48 hashed bits in another base: as scattered over the index as real ones.
_KEYS: Final = f"""
INSERT INTO partners_apikey (id, family_id, scopes, created_at, expires_at, last_used_at, last_used_network, partner_id,
  pepper_id, generation, is_imported, kid, digest, kind, environment, name, created_by)
SELECT n, n, %s, now() - interval '90 days', now() + interval '275 days', u.seen_at, u.network,
  {_PARTNER_ID.format(number="(n / " + str(KEYS_PER_PARTNER) + ")")}, %s, 1, false,
  coalesce(u.kid, left(md5(n::text), 12)), coalesce(u.digest, sha256(n::text::bytea)), 'sk', 'live', 'Shop backend', 'ops'
FROM generate_series(1, %s) AS n LEFT JOIN used AS u ON u.position = n ORDER BY n
"""
_ORGANIZATIONS: Final = """
INSERT INTO organizations_organization (id, partner_id, environment, external_id, name, email, phone)
SELECT p.id, p.id, 'live', 'org-1', 'Organization', '', '' FROM partners_partner p
"""
_PROFILES: Final = """
INSERT INTO organizations_profile (id, partner_id, environment, organization_id, external_id, first_name, last_name, email,
  phone, role, auth_epoch)
SELECT p.id, p.id, 'live', p.id, 'user-1', 'Ada', 'Lovelace', 'ada@shop.example', '', 'member', 0 FROM partners_partner p
"""


def main(arguments: Sequence[str]) -> None:
    """Migrate, fill, and print the keys in use and the bytes a key costs."""
    rows, used = map(int, arguments)
    call_command("migrate", verbosity=0)
    pepper = pepper_ring().active
    keys = [mint_key(KeyKind.SECRET, Environment.LIVE) for _ in range(used)]
    marks = [
        (position, key.kid, key_digest(pepper, hash_key(key.plaintext)))
        for position, key in zip(seeds.spread(used, rows), keys, strict=True)
    ]
    with transaction.atomic():
        _fill(rows, marks)
    for table in ("partners_partner", "organizations_organization", "organizations_profile"):
        seeds.execute(f"VACUUM (ANALYZE) {table}")
    seeds.hand_over({"keys": [key.plaintext for key in keys], "bytes_per_row": seeds.disk_per_row("partners_apikey", rows)})


def _fill(rows: int, marks: list[tuple[Any, ...]]) -> None:
    seeds.execute("CREATE TEMPORARY TABLE used (position int, kid text, digest bytea, seen_at timestamptz, network text)")
    seeds.copy("used (position, kid, digest)", marks)
    # A key in use has been used before; the first use ever is written at once and is not what is measured.
    seeds.execute("UPDATE used SET seen_at = now() - interval '1 hour', network = '127.0.0.0/24'")
    seeds.execute(_PARTNERS, [rows // KEYS_PER_PARTNER])
    seeds.execute(_KEYS, [to_bits(_SCOPES), pepper_ring().active.id, rows])
    seeds.execute(_ORGANIZATIONS)
    seeds.execute(_PROFILES)
    seeds.execute("SELECT setval(pg_get_serial_sequence('partners_apikey', 'id'), %s)", [rows])


if __name__ == "__main__":
    main(sys.argv[1:])
