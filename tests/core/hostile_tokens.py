"""Tokens that attackers have been known to send, each with what is wrong with it; `HOSTILE` is a table for parametrised tests.

Most are signed with our own key, so that nothing but the one fault can be why they are refused.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.jwt import TokenFault
from core.keyring import jwt_ring

ATTACKER_URL: Final = "http://127.0.0.1:9/keys.json"
_RSA: Final = generate_private_key(65537, 2048)
PUBLIC_PEM: Final = _RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
NESTING: Final = 100_000

Claims = Mapping[str, Any]
Forge = Callable[[Claims], str]


def encode(part: object) -> str:
    """Base64url of bytes, or of the JSON of anything else."""
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).rstrip(b"=").decode()


def signed(header: object, claims: object, *, key: bytes | None = None, digest: str = "sha256") -> str:
    """A token over anything, signed with our own key unless another is given."""
    text = f"{encode(header)}.{encode(claims)}"
    return f"{text}.{encode(hmac.digest(key or jwt_ring().active.secret, text.encode(), digest))}"


def header(**changes: object) -> dict[str, object]:
    """The one header we accept, changed."""
    return {"alg": "HS256", "typ": "at+jwt", "kid": str(jwt_ring().active.id), **changes}


def _with_header(**changes: object) -> Forge:
    return lambda claims: signed(header(**changes), claims)


def _without_header(name: str) -> Forge:
    return lambda claims: signed({key: value for key, value in header().items() if key != name}, claims)


def _with_claims(**changes: object) -> Forge:
    return lambda claims: signed(header(), {**claims, **changes})


def _without_claim(name: str) -> Forge:
    return lambda claims: signed(header(), {key: value for key, value in claims.items() if key != name})


def _raw_claims(make: Callable[[bytes], bytes]) -> Forge:
    return lambda claims: signed(header(), make(json.dumps(dict(claims)).encode()))


def _bent(bend: Callable[[str], str]) -> Forge:
    return lambda claims: bend(signed(header(), claims))


def _rs256(claims: Claims) -> str:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    text = f"{encode(header(alg='RS256'))}.{encode(dict(claims))}"
    return f"{text}.{encode(_RSA.sign(text.encode(), PKCS1v15(), SHA256()))}"


def _loose_bits(token: str) -> str:
    """The same bytes in another spelling: the last character's unused bits set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def _json_array(claims: Claims) -> str:
    protected, payload, signature = signed(header(), claims).split(".")
    return json.dumps({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]})


def _past(seconds: int) -> int:
    return int(time.time()) - seconds


HOSTILE: Final[dict[str, tuple[Forge, TokenFault]]] = {
    # Algorithms
    "alg none without signature": (
        lambda claims: f"{encode(header(alg='none'))}.{encode(dict(claims))}.",
        TokenFault.SHAPE,
    ),
    "alg none with signature": (_with_header(alg="none"), TokenFault.HEADER),
    "alg nOnE": (_with_header(alg="nOnE"), TokenFault.HEADER),
    "alg HS384": (lambda claims: signed(header(alg="HS384"), claims, digest="sha384"), TokenFault.HEADER),
    "alg HS512": (lambda claims: signed(header(alg="HS512"), claims, digest="sha512"), TokenFault.HEADER),
    "alg RS256, rightly signed by a stranger": (_rs256, TokenFault.HEADER),
    "alg hs256": (_with_header(alg="hs256"), TokenFault.HEADER),
    "alg a list": (_with_header(alg=["HS256"]), TokenFault.HEADER),
    "alg null": (_with_header(alg=None), TokenFault.HEADER),
    "no alg": (_without_header("alg"), TokenFault.HEADER),
    "HMAC keyed with a public key": (lambda claims: signed(header(), claims, key=PUBLIC_PEM), TokenFault.SIGNATURE),
    "HMAC keyed with nothing": (lambda claims: signed(header(), claims, key=b"\0"), TokenFault.SIGNATURE),
    "HMAC keyed with the hash of our key": (
        lambda claims: signed(header(), claims, key=hashlib.sha256(jwt_ring().active.secret).digest()),
        TokenFault.SIGNATURE,
    ),
    # Keys that the token brings along or points to
    "kid of no key": (_with_header(kid="99"), TokenFault.KID),
    "kid with a leading zero": (_with_header(kid="01"), TokenFault.KID),
    "kid a path": (_with_header(kid="../../../dev/null"), TokenFault.KID),
    "kid an SQL text": (_with_header(kid="1' UNION SELECT 'key"), TokenFault.KID),
    "kid in other digits": (_with_header(kid="\u0661"), TokenFault.KID),
    "kid a number": (_with_header(kid=1), TokenFault.KID),
    "kid of 4000 digits": (_with_header(kid="9" * 4000), TokenFault.KID),
    "no kid": (_without_header("kid"), TokenFault.HEADER),
    "jku": (_with_header(jku=ATTACKER_URL), TokenFault.HEADER),
    "x5u": (_with_header(x5u=ATTACKER_URL), TokenFault.HEADER),
    "x5c": (_with_header(x5c=["MIIB"]), TokenFault.HEADER),
    "jwk": (_with_header(jwk={"kty": "oct", "k": "AAAA"}), TokenFault.HEADER),
    "crit": (_with_header(crit=["exp"]), TokenFault.HEADER),
    "b64 false": (_with_header(b64=False, crit=["b64"]), TokenFault.HEADER),
    "zip": (_with_header(zip="DEF"), TokenFault.HEADER),
    "cty JWT": (_with_header(cty="JWT"), TokenFault.HEADER),
    # Another kind of token
    "typ JWT": (_with_header(typ="JWT"), TokenFault.HEADER),
    "typ in capitals": (_with_header(typ="AT+JWT"), TokenFault.HEADER),
    "no typ": (_without_header("typ"), TokenFault.HEADER),
    # Claims
    "doubled claim": (_raw_claims(lambda body: body[:-1] + b', "sub": "admin"}'), TokenFault.SHAPE),
    "doubled exp": (_raw_claims(lambda body: body[:-1] + b', "exp": 9999999999}'), TokenFault.SHAPE),
    "no exp": (_without_claim("exp"), TokenFault.CLAIMS),
    "no iat": (_without_claim("iat"), TokenFault.CLAIMS),
    "no nbf": (_without_claim("nbf"), TokenFault.CLAIMS),
    "no aud": (_without_claim("aud"), TokenFault.CLAIMS),
    "no jti": (_without_claim("jti"), TokenFault.CLAIMS),
    "exp as digits": (_with_claims(exp="9999999999"), TokenFault.CLAIMS),
    "exp a float": (_with_claims(exp=9999999999.5), TokenFault.CLAIMS),
    "exp true": (_with_claims(exp=True), TokenFault.CLAIMS),
    "exp null": (_with_claims(exp=None), TokenFault.CLAIMS),
    "exp a list": (_with_claims(exp=[9999999999]), TokenFault.CLAIMS),
    "exp negative": (_with_claims(exp=-1), TokenFault.CLAIMS),
    "exp after the year 9999": (_with_claims(exp=253_402_300_800), TokenFault.CLAIMS),
    "exp beyond what JavaScript reads": (_with_claims(exp=2**53), TokenFault.SHAPE),
    "exp of 5000 digits": (_raw_claims(lambda body: body[:-1] + b', "e": ' + b"9" * 5000 + b"}"), TokenFault.SHAPE),
    "exp Infinity": (_with_claims(exp=float("inf")), TokenFault.SHAPE),
    "exp NaN": (_with_claims(exp=float("nan")), TokenFault.SHAPE),
    "sub a number": (_with_claims(sub=1), TokenFault.CLAIMS),
    "tenant an object": (_with_claims(tenant={}), TokenFault.CLAIMS),
    "scope a list": (_with_claims(scope=["orders:create"]), TokenFault.CLAIMS),
    "aud a list": (_with_claims(aud=["sticker:reseller"]), TokenFault.CLAIMS),
    "epochs a list": (_with_claims(epochs=[0, 0]), TokenFault.CLAIMS),
    "epoch true": (_with_claims(epochs={"partner": True}), TokenFault.CLAIMS),
    "sid a number": (_with_claims(sid=1), TokenFault.CLAIMS),
    "iss of a stranger": (_with_claims(iss="https://evil.example"), TokenFault.ISSUER),
    "aud of a stranger": (_with_claims(aud="sticker:elsewhere"), TokenFault.AUDIENCE),
    "claims a list": (_raw_claims(lambda body: b"[" + body + b"]"), TokenFault.SHAPE),
    "claims not UTF-8": (_raw_claims(lambda body: body.replace(b'"sub"', b'"\xff"')), TokenFault.SHAPE),
    "claims in UTF-16": (_raw_claims(lambda body: body.decode().encode("utf-16")), TokenFault.SHAPE),
    "half a surrogate pair": (_raw_claims(lambda body: body[:-1] + b', "x": "\\ud800"}'), TokenFault.SHAPE),
    "a NUL": (_with_claims(sub="user\0admin"), TokenFault.SHAPE),
    # Times
    "expired by a second": (lambda claims: signed(header(), {**claims, "exp": _past(1)}), TokenFault.EXPIRED),
    "expired in 1970": (_with_claims(exp=0), TokenFault.EXPIRED),
    "not yet valid": (lambda claims: signed(header(), {**claims, "nbf": _past(-3600)}), TokenFault.NOT_YET),
    "issued in the future": (lambda claims: signed(header(), {**claims, "iat": _past(-3600)}), TokenFault.NOT_YET),
    # Shapes
    "empty": (lambda _claims: "", TokenFault.SHAPE),
    "dots": (lambda _claims: "..", TokenFault.SHAPE),
    "empty header": (_bent(lambda token: token[token.index(".") :]), TokenFault.SHAPE),
    "empty claims": (_bent(lambda token: f"{token.split('.')[0]}..{token.split('.')[2]}"), TokenFault.SHAPE),
    "empty signature": (_bent(lambda token: token[: token.rindex(".") + 1]), TokenFault.SHAPE),
    "two parts": (_bent(lambda token: token[: token.rindex(".")]), TokenFault.SHAPE),
    "four parts": (_bent(lambda token: f"{token}.AAAA"), TokenFault.SHAPE),
    "five parts, as an encrypted token has": (_bent(lambda token: f"{token}.AAAA.AAAA"), TokenFault.SHAPE),
    "padding": (_bent(lambda token: f"{token}="), TokenFault.SHAPE),
    # The text is one whose base64 holds both of the letters in question, wherever it stands.
    "standard base64": (
        lambda claims: signed(header(), {**claims, "x": "?>" * 9}).replace("-", "+").replace("_", "/"),
        TokenFault.SHAPE,
    ),
    "loose bits in the signature": (_bent(_loose_bits), TokenFault.SHAPE),
    "one character too many": (_bent(lambda token: f"{token}A"), TokenFault.SIGNATURE),
    "a line break": (_bent(lambda token: f"{token}\n"), TokenFault.SHAPE),
    "a space within": (_bent(lambda token: token.replace(".", " .", 1)), TokenFault.SHAPE),
    "letters beyond ASCII": (_bent(lambda token: f"{token[:-1]}\u0430"), TokenFault.SHAPE),
    "JSON serialisation": (_json_array, TokenFault.SHAPE),
    "another signature": (_bent(lambda token: f"{token[: token.rindex('.')]}.{encode(bytes(32))}"), TokenFault.SIGNATURE),
    "a cut signature": (_bent(lambda token: f"{token[: token.rindex('.')]}.{encode(bytes(31))}"), TokenFault.SIGNATURE),
    "claims of another token": (
        lambda claims: ".".join(
            [
                *signed(header(), claims).split(".")[:1],
                encode({**claims, "sub": "admin"}),
                signed(header(), claims).split(".")[2],
            ]
        ),
        TokenFault.SIGNATURE,
    ),
    # Sizes
    "a megabyte": (_with_claims(x="x" * 1_000_000), TokenFault.SHAPE),
    "a megabyte of dots": (lambda _claims: "." * 1_000_000, TokenFault.SHAPE),
    "a megabyte of one part": (lambda _claims: "A" * 1_000_000, TokenFault.SHAPE),
    "a hundred thousand levels": (_raw_claims(lambda _body: b'{"a":' * NESTING + b"1" + b"}" * NESTING), TokenFault.SHAPE),
    "as many levels as fit": (_raw_claims(lambda _body: b'{"a":' + b"[" * 2800 + b"]" * 2800 + b"}"), TokenFault.SHAPE),
    "thirty-three levels": (_raw_claims(lambda body: body[:-1] + b', "x": ' + b"[" * 33 + b"]" * 33 + b"}"), TokenFault.SHAPE),
}
