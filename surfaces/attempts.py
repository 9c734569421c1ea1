"""How often one may guess a password, so that guessing does not pay and nobody can lock the rightful owner out.

Only failures count, and they are looked at before a password is hashed: who is over a limit costs us no hash.

- One bucket for each pair of account and address: guessing at an account from here uses up what is left for it *from here*.
  There is no bucket for an account alone, because whoever knows an e-mail address could empty it from anywhere.
- One bucket for each address, whatever it names, against trying one password at many accounts. A pair that was right together
  before is exempt: customers who all come through one server of their shop are not shut out by the one who attacks from there.
- An attacker who shares the owner's very address can empty the pair's bucket. So a process remembers, for an hour and in its
  memory only, a digest of the password a pair was last right with, keyed with a number that nobody else has; who brings that
  one is hashed in any case.

An address is one IPv4 address or one IPv6 /64, which is what one subscriber has. Accounts that do not exist have buckets like
those that do. Limits and memory hold digests, never an e-mail address.
"""

import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import connection

from core.credentials import Digest, secret_digest, secret_digests
from core.keyring import pepper_ring
from partners.limits import look, refused, take
from surfaces.models import KnownLogin

_PURPOSE: Final = "known-login"
_IPV6_BITS: Final = 64
_REMEMBERED_SECONDS: Final = 3600.0
_MOST_REMEMBERED: Final = 10_000
_REMEMBER: Final = """
INSERT INTO surfaces_knownlogin AS known (digest, last_at) VALUES (%s, now())
ON CONFLICT (digest) DO UPDATE SET last_at = now() WHERE known.last_at < now() - interval '1 day'
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one account from one address; `account` is whatever names it, existing or not."""

    account: str
    address: str | None

    @property
    def source(self) -> str:
        """The address as limits know it."""
        return source_of(self.address)

    @property
    def pair(self) -> str:
        """Account and address in one text."""
        return f"{self.account}\x1f{self.source}"

    @property
    def digest(self) -> Digest:
        """The pair, under the newest pepper."""
        return secret_digest(pepper_ring().active, purpose=_PURPOSE, secret=self.pair)


def source_of(address: str | None) -> str:
    """What one subscriber has: an IPv4 address, or an IPv6 /64."""
    if address is None:
        return "unknown"
    if ipaddress.ip_address(address).version == 4:
        return address
    return str(ipaddress.ip_network(f"{address}/{_IPV6_BITS}", strict=False))


def check(attempt: Attempt, password: str) -> None:
    """Let a try be hashed, or refuse it unhashed.

    Raises: RateLimitExceededError.
    """
    if _memory.holds(attempt, password):
        return
    verdict = look(_pair_bucket(attempt), limit=settings.LOGIN_FAILURES_PER_MINUTE)
    if not verdict.is_allowed:
        raise refused(verdict)
    if _is_known(attempt):
        return
    check_source(attempt.address)


def check_source(address: str | None) -> None:
    """Refuse an address that failed too often, whatever it named.

    Raises: RateLimitExceededError.
    """
    verdict = look(_source_bucket(address), limit=settings.LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE)
    if not verdict.is_allowed:
        raise refused(verdict)


def count_failure(attempt: Attempt) -> None:
    """Count a try that was wrong, against the pair and against the address."""
    take(_pair_bucket(attempt), limit=settings.LOGIN_FAILURES_PER_MINUTE)
    count_source(attempt.address)


def count_source(address: str | None) -> None:
    """Count a failure against an address alone."""
    take(_source_bucket(address), limit=settings.LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE)


def remember(attempt: Attempt, password: str) -> None:
    """Note that a pair was right; written at most once a day for each."""
    _memory.keep(attempt, password)
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER, [attempt.digest])


def _is_known(attempt: Attempt) -> bool:
    digests = secret_digests(pepper_ring(), purpose=_PURPOSE, secret=attempt.pair)
    return KnownLogin.objects.filter(digest__in=digests).exists()


def _pair_bucket(attempt: Attempt) -> str:
    return f"login:pair:{attempt.digest.hex()}"


def _source_bucket(address: str | None) -> str:
    return f"login:from:{source_of(address)}"


class _Memory:
    """What this process saw to be right lately. The key is made at its start and never leaves it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    def keep(self, attempt: Attempt, password: str) -> None:
        pair = self._digest(attempt.pair)
        self._kept[pair] = (time.monotonic() + _REMEMBERED_SECONDS, self._digest(f"{attempt.pair}\x1f{password}"))
        self._kept.move_to_end(pair)
        while len(self._kept) > _MOST_REMEMBERED:
            self._kept.popitem(last=False)

    def holds(self, attempt: Attempt, password: str) -> bool:
        until, digest = self._kept.get(self._digest(attempt.pair), (0.0, b""))
        return time.monotonic() < until and hmac.compare_digest(digest, self._digest(f"{attempt.pair}\x1f{password}"))

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")


_memory: Final = _Memory()
