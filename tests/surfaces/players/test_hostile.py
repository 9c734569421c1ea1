"""Tokens made to break a verifier: each is refused with its reason, in time, and nothing is fetched for it."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from jwt.algorithms import RSAAlgorithm
from pytest_django import Settings

from organizations.models import Profile
from partners.models import Partner
from surfaces.models.players import Algorithm
from surfaces.players.checks import Use
from surfaces.players.proof import prove_player
from surfaces.verification import NotProvenError
from tests.core.egress.hosts import Host, host
from tests.factories import make_partner
from tests.surfaces.players.key_hosts import serve
from tests.surfaces.players.signers import Signer, key_set, make_issuer, player_claims, signer

pytestmark = pytest.mark.django_db
MOST_MILLISECONDS: Final = 20


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def hmac_token(header: dict[str, Any], claims: object, key: bytes, digest: str = "sha256") -> str:
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{part(hmac.digest(key, signed.encode(), digest))}"


class World:
    """A partner with an issuer of public keys, and one whose keys come from a host that counts its callers."""

    def __init__(self, partner: Partner, by: Signer, there: Host) -> None:
        self.partner = partner
        self.by = by
        self.there = there
        make_issuer(partner, by)
        make_issuer(partner, iss="https://jwks.acme.example", jwks_url=there.url("/keys"))

    def claims(self, **changes: Any) -> dict[str, Any]:
        return player_claims(**changes)

    def resigned(self, header: dict[str, Any], claims: object) -> str:
        """A token with any header at all, signed with the issuer's own key."""
        signed = f"{part(header)}.{part(claims)}"
        return f"{signed}.{part(RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed.encode(), self.by.key))}"


@pytest.fixture
def world(db: None, settings: Settings) -> Iterator[World]:
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    by = signer(Algorithm.RS256, kid="k1")
    with host(serve(lambda: key_set(by))) as there:
        yield World(make_partner(), by, there)


def _good(world: World) -> dict[str, Any]:
    return {"alg": "RS256", "kid": "k1", "typ": "JWT"}


def _with_header(**fields: Any) -> Callable[[World], str]:
    def make(world: World) -> str:
        header = {name: value for name, value in {**_good(world), **fields}.items() if value is not None}
        return world.resigned(header, world.claims())

    return make


def _raw(header: bytes | None = None, claims: bytes | None = None) -> Callable[[World], str]:
    def make(world: World) -> str:
        head = header or json.dumps(_good(world)).encode()
        body = claims or json.dumps(world.claims()).encode()
        return world.resigned(head, body)  # type: ignore[arg-type]  # raw bytes on purpose

    return make


def _none(alg: str) -> Callable[[World], str]:
    return lambda world: f"{part({'alg': alg, 'typ': 'JWT'})}.{part(world.claims())}."


def _none_with_signature(world: World) -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(world.claims())}.{part(b'x' * 32)}"


def _public_key_as_secret(text: Callable[[World], str]) -> Callable[[World], str]:
    return lambda world: hmac_token({"alg": "HS256", "kid": "k1", "typ": "JWT"}, world.claims(), text(world).encode())


def _other_spelling(change: Callable[[str], str]) -> Callable[[World], str]:
    return lambda world: change(world.by.token(world.claims()))


def _flip(token: str, position: int) -> str:
    letter = "A" if token[position] != "A" else "B"
    return token[:position] + letter + token[position + 1 :]


def _claims_changed(world: World) -> str:
    head, _, signature = world.by.token(world.claims()).split(".")
    return f"{head}.{part(world.claims(sub='admin'))}.{signature}"


def _duplicate(name: str) -> Callable[[World], str]:
    def make(world: World) -> str:
        text = json.dumps(world.claims())
        return _raw(claims=f'{{"{name}": "first", {text[1:]}'.encode())(world)

    return make


HOSTILE: Final[dict[str, tuple[Callable[[World], str], str]]] = {
    "alg none": (_none("none"), "player_shape"),
    "alg None": (_none("None"), "player_shape"),
    "alg nOnE": (_none("nOnE"), "player_shape"),
    "alg none with a signature": (_none_with_signature, "player_algorithm"),
    "alg empty": (_with_header(alg=""), "player_algorithm"),
    "alg missing": (_with_header(alg=None), "player_header"),
    "alg as a list": (_with_header(alg=["RS256"]), "player_header"),
    "alg as an object": (_with_header(alg={"RS256": 1}), "player_header"),
    "alg in other case": (_with_header(alg="rs256"), "player_algorithm"),
    "alg RS512 with the right key": (_with_header(alg="RS512"), "player_algorithm"),
    "alg PS256": (_with_header(alg="PS256"), "player_algorithm"),
    "alg ES256 with an RSA signature": (_with_header(alg="ES256"), "player_key"),
    "alg ES256K": (_with_header(alg="ES256K"), "player_algorithm"),
    "public PEM as a secret": (_public_key_as_secret(lambda world: world.by.pem), "player_algorithm"),
    "public PEM without its end as a secret": (_public_key_as_secret(lambda world: world.by.pem.strip()), "player_algorithm"),
    "public JWK as a secret": (_public_key_as_secret(lambda world: json.dumps(world.by.jwk)), "player_algorithm"),
    "modulus as a secret": (_public_key_as_secret(lambda world: str(world.by.jwk["n"])), "player_algorithm"),
    "empty secret": (_public_key_as_secret(lambda _world: ""), "player_algorithm"),
    "jku": (_with_header(jku="http://127.0.0.1/evil"), "player_header"),
    "x5u": (_with_header(x5u="http://127.0.0.1/evil"), "player_header"),
    "x5c": (_with_header(x5c=["AAAA"]), "player_header"),
    "jwk": (_with_header(jwk={"kty": "oct", "k": "AAAA"}), "player_header"),
    "crit": (_with_header(crit=["exp"]), "player_header"),
    "empty crit": (_with_header(crit=[]), "player_header"),
    "b64 false": (_with_header(b64=False), "player_header"),
    "zip": (_with_header(zip="DEF"), "player_header"),
    "cty JWT": (_with_header(cty="JWT"), "player_header"),
    "an encrypted token's field": (_with_header(enc="A256GCM"), "player_header"),
    "typ of another token": (_with_header(typ="logout+jwt"), "player_header"),
    "typ as a number": (_with_header(typ=1), "player_header"),
    "kid unknown": (_with_header(kid="k2"), "player_key"),
    "kid as a path": (_with_header(kid="../../../../dev/null"), "player_key"),
    "kid as SQL": (_with_header(kid="' UNION SELECT 'secret"), "player_key"),
    "kid as a URL": (_with_header(kid="http://127.0.0.1/evil"), "player_key"),
    "kid as a number": (_with_header(kid=1), "player_header"),
    "kid as null": (_raw(header=b'{"alg":"RS256","kid":null}'), "player_header"),
    "kid with NUL": (_raw(header=b'{"alg":"RS256","kid":"k1\\u0000"}'), "player_shape"),
    "kid with a line break": (_with_header(kid="k1\nX: y"), "player_header"),
    "kid of a kilobyte": (_with_header(kid="k" * 1024), "player_header"),
    "header twice alg": (_raw(header=b'{"alg":"none","alg":"RS256","kid":"k1"}'), "player_shape"),
    "header is a list": (_raw(header=b'["RS256"]'), "player_shape"),
    "header is not JSON": (_raw(header=b"RS256"), "player_shape"),
    "header in UTF-16": (_raw(header='{"alg":"RS256"}'.encode("utf-16")), "player_shape"),
    "header with a byte order mark": (_raw(header=b'\xef\xbb\xbf{"alg":"RS256"}'), "player_shape"),
    "two issuers": (_duplicate("iss"), "player_shape"),
    "two subjects": (_duplicate("sub"), "player_shape"),
    "two ends": (_duplicate("exp"), "player_shape"),
    "a subject twice, once spelled with escapes": (_raw(claims=b'{"sub":"a","\\u0073ub":"b"}'), "player_shape"),
    "claims are a list": (_raw(claims=b"[]"), "player_shape"),
    "claims are a text": (_raw(claims=b'"admin"'), "player_shape"),
    "claims are null": (_raw(claims=b"null"), "player_shape"),
    "claims with NaN": (_raw(claims=b'{"exp":NaN}'), "player_shape"),
    "claims with infinity": (_raw(claims=b'{"exp":1e999}'), "player_shape"),
    "claims with a huge number": (_raw(claims=b'{"exp":' + b"9" * 5000 + b"}"), "player_shape"),
    "claims nested deeply": (_raw(claims=b'{"a":' + b"[" * 2900 + b"]" * 2900 + b"}"), "player_shape"),
    "claims with half a surrogate pair": (_raw(claims=b'{"iss":"\\ud800"}'), "player_shape"),
    "claims in bad UTF-8": (_raw(claims=b'{"iss":"\xff"}'), "player_shape"),
    "claims with a comment": (_raw(claims=b'{"exp":1/**/}'), "player_shape"),
    "changed claims": (_claims_changed, "player_signature"),
    "changed signature": (_other_spelling(lambda token: _flip(token, len(token) - 20)), "player_signature"),
    "no signature": (_other_spelling(lambda token: token.rpartition(".")[0] + "."), "player_shape"),
    "half a signature": (_other_spelling(lambda token: token[:-102]), "player_signature"),
    "another's signature": (
        lambda world: Signer(Algorithm.ES256, signer(Algorithm.ES256).key, "k1").token(world.claims()),
        "player_key",
    ),
    "padded": (_other_spelling(lambda token: token + "="), "player_shape"),
    "in plain base64": (_other_spelling(lambda token: token.replace("-", "+").replace("_", "/") + "+"), "player_shape"),
    "with a space": (_other_spelling(lambda token: " " + token), "player_shape"),
    "with a line break at the end": (_other_spelling(lambda token: token + "\n"), "player_shape"),
    "with a NUL": (_other_spelling(lambda token: token + "\x00"), "player_shape"),
    "with letters that are not ASCII": (_other_spelling(lambda token: token + "é"), "player_shape"),
    "four parts": (_other_spelling(lambda token: token + ".e30"), "player_shape"),
    "five parts": (_other_spelling(lambda token: token + ".e30.e30"), "player_shape"),
    "two parts": (_other_spelling(lambda token: token.rpartition(".")[0]), "player_shape"),
    "a JWS in JSON": (lambda _world: json.dumps({"payload": "e30", "signatures": []}), "player_shape"),
    "a megabyte": (_other_spelling(lambda token: token + "A" * 1_000_000), "player_shape"),
    "100,000 levels": (lambda _world: f"{part({'alg': 'RS256'})}.{part(b'[' * 100_000)}.AAAA", "player_shape"),
    "dots": (lambda _world: "." * 8000, "player_shape"),
    "nothing": (lambda _world: "", "player_shape"),
    "our own issuer": (
        lambda world: world.by.token(world.claims(iss="http://127.0.0.1:8000")),
        "player_issuer",
    ),
    "an unregistered issuer with a URL": (
        lambda world: world.by.token(world.claims(iss=world.there.url("/evil"))),
        "player_issuer",
    ),
    "a key set's issuer, expired": (
        lambda world: world.by.token(world.claims(iss="https://jwks.acme.example", exp=1000)),
        "player_expiry",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_token_is_refused_in_time_and_nothing_is_fetched(world: World, case: str) -> None:
    make, reason = HOSTILE[case]
    token = make(world)
    shop = world.partner.slug
    prove_player(world.by.token(world.claims()), shop=shop, use=Use.BEARER)
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        refusal = _refusal(token, shop)
        spent.append((time.perf_counter() - began) * 1000)
        assert refusal == reason
    assert min(spent) <= MOST_MILLISECONDS
    assert world.there.connections == 0
    assert Profile.objects.filter(partner=world.partner).count() == 1


def _refusal(token: str, shop: str) -> str:
    try:
        prove_player(token, shop=shop, use=Use.BEARER)
    except NotProvenError as refused:
        return refused.reason
    return "accepted"


def test_every_single_letter_counts(world: World) -> None:
    token, shop = world.by.token(world.claims()), world.partner.slug
    step = max(1, len(token) // 60)
    for position in range(0, len(token), step):
        changed = _flip(token, position)
        if changed != token:
            assert _refusal(changed, shop).startswith("player_"), position


def test_signature_has_one_spelling() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)
    token = by.token()
    # 32 bytes are 43 letters, of whose last one only four bits count.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = [last for last in letters if _refusal(token[:-1] + last, partner.slug) == "accepted"]
    assert accepted == [token[-1]]


def test_secret_of_another_length_or_digest_signs_nothing() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)
    claims = player_claims()
    for key in (by.key[:-1], by.key + b"\x01", hashlib.sha256(by.key).digest(), base64.urlsafe_b64encode(by.key)):
        assert _refusal(hmac_token({"alg": "HS256"}, claims, key), partner.slug) == "player_signature"
    for alg, digest in (("HS384", "sha384"), ("HS512", "sha512")):
        assert _refusal(hmac_token({"alg": alg}, claims, by.key, digest), partner.slug) == "player_algorithm"
    assert _refusal(hmac_token({"alg": "HS256"}, claims, by.key), partner.slug) == "accepted"
