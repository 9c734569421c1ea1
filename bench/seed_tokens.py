"""Make session tokens that can be redeemed, one for each request of the redeem cell, and print them with their partners.

A program of its own: `python -m bench.seed_tokens COUNT`, with the service's environment. The tokens are dated ahead, so that
they outlast the run although none may live longer than five minutes.
"""

import sys
from collections.abc import Sequence
from typing import Final

import django

django.setup()

from bench import seeds  # noqa: E402  # models need the setup
from core.credentials import mint_session_token, secret_digest  # noqa: E402
from core.keyring import pepper_ring  # noqa: E402
from sessions_app.services.handshake import TOKEN_PURPOSE  # noqa: E402

_TOKENS: Final = """
INSERT INTO sessions_app_sessiontoken (id, digest, partner_id, environment, profile_id, key_id, partner_epoch, profile_epoch,
  created_at, expires_at)
SELECT gen_random_uuid(), n.digest, k.partner_id, 'live', k.partner_id, k.id, 0, 0, now() + interval '1 hour',
  now() + interval '1 hour 5 minutes'
FROM new_tokens AS n JOIN partners_apikey AS k ON k.id = n.key_id
"""


def main(arguments: Sequence[str]) -> None:
    """Store the tokens' digests and print `[token, partner]` pairs."""
    (count,) = map(int, arguments)
    keys = seeds.execute("SELECT max(id) FROM partners_apikey")
    pepper = pepper_ring().active
    tokens = [mint_session_token() for _ in range(count)]
    digests = [secret_digest(pepper, purpose=TOKEN_PURPOSE, secret=token) for token in tokens]
    owners = list(seeds.spread(count, keys))
    seeds.execute("CREATE TEMPORARY TABLE new_tokens (key_id bigint, digest bytea)")
    seeds.copy("new_tokens", zip(owners, digests, strict=True))
    seeds.execute(_TOKENS)
    seeds.execute("VACUUM (ANALYZE) sessions_app_sessiontoken")
    partners = dict(seeds.rows("SELECT id, partner_id::text FROM partners_apikey WHERE id = ANY(%s)", [owners]))
    seeds.hand_over([[token, partners[owner]] for token, owner in zip(tokens, owners, strict=True)])


if __name__ == "__main__":
    main(sys.argv[1:])
