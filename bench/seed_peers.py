"""Fill the other libraries' tables with as many credentials each, made by their own functions, and say what those are.

A program of its own: `python -m bench.seed_peers ROWS USED [PEER …]`. Each credential in use belongs to a user of its own:
the layout that is kindest to libraries that read all tokens of a user.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402  # models need the setup
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from knox.models import get_digest_token  # noqa: E402
from oauth2_provider.models import AccessToken, Application  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402
from rest_framework_simplejwt.tokens import AccessToken as Jwt  # noqa: E402

from bench import seeds  # noqa: E402

FILLER_USER: Final = 1


def main(arguments: Sequence[str]) -> None:
    """Migrate, fill what is asked for, and print the credentials in use and the bytes each row costs."""
    rows, used = map(int, arguments[:2])
    call_command("migrate", verbosity=0)
    User.objects.bulk_create(
        User(id=number, username=f"user-{number}") for number in range(FILLER_USER, FILLER_USER + used + 1)
    )
    answer = {}
    for peer in arguments[2:]:
        fill, table = _PEERS[peer]
        with transaction.atomic():
            credentials = fill(rows, used)
        answer[peer] = {"credentials": credentials, "bytes_per_row": seeds.disk_per_row(table, rows)}
    seeds.hand_over(answer)


def _api_keys(rows: int, used: int) -> list[str]:
    keys = [APIKey(name=f"Key {number}") for number in range(used)]
    credentials = [APIKey.objects.assign_key(key) for key in keys]
    marks = zip(
        seeds.spread(used, rows), (k.id for k in keys), (k.prefix for k in keys), (k.hashed_key for k in keys), strict=True
    )
    seeds.execute("CREATE TEMPORARY TABLE used_keys (position int, id text, prefix text, hashed_key text)")
    seeds.copy("used_keys", marks)
    seeds.execute(
        """INSERT INTO rest_framework_api_key_apikey (id, prefix, hashed_key, created, name, revoked)
           SELECT coalesce(u.id, f.prefix || '.' || f.hash), coalesce(u.prefix, f.prefix), coalesce(u.hashed_key, f.hash),
             now() - n * interval '1 second', 'Shop backend', false
           FROM generate_series(1, %s) AS n
           CROSS JOIN LATERAL (SELECT reverse(lpad(to_hex(n), 8, '0')) AS prefix,
                                      'sha512$$' || encode(sha512(n::text::bytea), 'hex') AS hash) AS f
           LEFT JOIN used_keys AS u ON u.position = n ORDER BY n""",
        [rows],
    )
    return credentials


def _knox(rows: int, used: int) -> list[str]:
    pairs = [get_digest_token() for _ in range(used)]
    seeds.execute("CREATE TEMPORARY TABLE used_tokens (position int, digest text, token_key text, user_id int)")
    users = range(FILLER_USER + 1, FILLER_USER + used + 1)
    marks = zip(
        seeds.spread(used, rows), (digest for digest, _ in pairs), (token[:15] for _, token in pairs), users, strict=True
    )
    seeds.copy("used_tokens", marks)
    seeds.execute(
        """INSERT INTO knox_authtoken (digest, token_key, user_id, created, expiry)
           SELECT coalesce(u.digest, encode(sha512(n::text::bytea), 'hex')), coalesce(u.token_key, left(md5(n::text), 15)),
             coalesce(u.user_id, %s), now(), now() + interval '1 day'
           FROM generate_series(1, %s) AS n LEFT JOIN used_tokens AS u ON u.position = n ORDER BY n""",
        [FILLER_USER, rows],
    )
    return [token for _, token in pairs]


def _oauth(rows: int, used: int) -> list[str]:
    application = Application.objects.create(
        name="Shop", client_type=Application.CLIENT_CONFIDENTIAL, authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS
    )
    seeds.execute(
        """INSERT INTO oauth2_provider_accesstoken (user_id, token, token_checksum, application_id, expires, scope, created,
             updated, resource)
           SELECT %s, md5(n::text), encode(sha256(md5(n::text)::bytea), 'hex'), %s, now() + interval '1 day', 'read', now(),
             now(), '[]'
           FROM generate_series(1, %s) AS n""",
        [FILLER_USER, application.pk, rows - used],
    )
    expires = timezone.now() + timedelta(days=1)
    tokens = [
        AccessToken(
            user_id=FILLER_USER + 1 + n, token=get_digest_token()[1], application=application, expires=expires, scope="read"
        )
        for n in range(used)
    ]
    AccessToken.objects.bulk_create(tokens)
    return [token.token for token in tokens]


def _jwts(_rows: int, used: int) -> list[str]:
    def token(number: int) -> str:
        jwt = Jwt()
        jwt["user_id"] = str(number)
        jwt.set_exp(lifetime=timedelta(days=1))
        return str(jwt)

    return [token(FILLER_USER + 1 + number) for number in range(used)]


_PEERS: Final[dict[str, tuple[Callable[[int, int], list[Any]], str]]] = {
    "api-key": (_api_keys, "rest_framework_api_key_apikey"),
    "knox": (_knox, "knox_authtoken"),
    "oauth": (_oauth, "oauth2_provider_accesstoken"),
    "jwt": (_jwts, "auth_user"),
}

if __name__ == "__main__":
    main(sys.argv[1:])
