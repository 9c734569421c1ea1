"""The keys of an issuer: read from PEM, JWK or a key set, each with the one algorithm it may be used with."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWTError
from jwt.algorithms import Algorithm as Signature
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from core.errors import StickerError
from core.strict_json import JsonObject, read_json
from surfaces.models.players import MAX_KID_CHARS, Algorithm

MIN_SECRET_BYTES: Final = 32
MAX_SECRET_BYTES: Final = 512
MAX_KEYS: Final = 20
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
MAX_KEY_CHARS: Final = 16_384
_SIGNATURES: Final[dict[str, Signature]] = {
    Algorithm.HS256: HMACAlgorithm(HMACAlgorithm.SHA256),
    Algorithm.RS256: RSAAlgorithm(RSAAlgorithm.SHA256),
    Algorithm.ES256: ECAlgorithm(ECAlgorithm.SHA256, SECP256R1),
    Algorithm.EDDSA: OKPAlgorithm(),
}
# The members of a JWK that make up the key, by its type (RFC 7638 §3.2).
_MEMBERS: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
_KINDS: Final[dict[str, Any]] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_NAMES: Final = {Algorithm.EDDSA: ("EdDSA", "Ed25519")}


class UnusableKeyError(ValueError):
    """A text or JWK that is no key we could verify with; says why, and repeats nothing of it."""

    @property
    def sentence(self) -> str:
        """The reason as a sentence of its own."""
        text = str(self)
        return f"{text[0].upper()}{text[1:]}."


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key and the one algorithm it verifies. `kid` is as tokens name it, or empty; `name` is what people call it by."""

    kid: str
    algorithm: Algorithm
    key: Any = field(repr=False)
    name: str = ""

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Tell whether a signature over these bytes was made with this key."""
        try:
            return bool(_SIGNATURES[self.algorithm].verify(signed, self.key, signature))
        except (PyJWTError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as it is stored: the members of its JWK that make it up, and nothing else."""

    algorithm: Algorithm
    jwk: Mapping[str, str]
    kid: str = ""

    @property
    def thumbprint(self) -> str:
        """SHA-256 over the key, as RFC 7638 has it: how a key without an id is named."""
        canonical = json.dumps(dict(self.jwk), sort_keys=True, separators=(",", ":")).encode()
        return _base64url(hashlib.sha256(canonical).digest())

    @property
    def name(self) -> str:
        """What a person calls the key by: its id, else its thumbprint."""
        return self.kid or self.thumbprint

    def stored(self) -> dict[str, str]:
        """The key as a row keeps it."""
        return {**self.jwk, "kid": self.kid} if self.kid else dict(self.jwk)


@dataclass(frozen=True, slots=True)
class KeySet:
    """What a key set document holds: the keys we can use, and why the others were left out."""

    keys: Sequence[PublicKey]
    left_out: Sequence[str]


def secret_key(secret: bytes, *, kid: str = "") -> VerificationKey:
    """A shared secret as a key.

    Raises: UnusableKeyError when it is shorter than its algorithm's digest (RFC 7518 §3.2), or absurdly long.
    """
    if not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
        raise UnusableKeyError(f"a shared secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes")
    return VerificationKey(kid, Algorithm.HS256, secret)


def read_public_key(text: str, *, kid: str = "") -> PublicKey:
    """Read a public key from PEM (a certificate too) or from one JWK in JSON.

    Raises: UnusableKeyError.
    """
    text = text.strip()
    if len(text) > MAX_KEY_CHARS:
        raise UnusableKeyError("this is too long for a key")
    if "PRIVATE KEY" in text:
        raise UnusableKeyError("this is a private key, which nobody but its owner may have: treat it as leaked")
    if not text.startswith("{"):
        return _public_key(_from_pem(text), kid)
    jwk = _json(text.encode())
    own = jwk.get("kid", "")
    found = read_jwk(jwk)
    return PublicKey(found.algorithm, found.jwk, kid or (own if isinstance(own, str) else ""))


def read_jwk(jwk: JsonObject) -> PublicKey:
    """Read one JWK, strictly: a public signature key whose algorithm is one of ours (RFC 7517, 7518, 8037).

    Raises: UnusableKeyError.
    """
    if _PRIVATE & jwk.keys():
        raise UnusableKeyError("it is a private or symmetric key, which nobody but its owner may have")
    if jwk.get("use", "sig") != "sig" or "verify" not in _operations(jwk):
        raise UnusableKeyError("it is not a signature key")
    kid = jwk.get("kid", "")
    if not isinstance(kid, str) or len(kid) > MAX_KID_CHARS or not kid.isprintable():
        raise UnusableKeyError("its kid is not a printable text of at most 128 characters")
    found = _public_key(_key_of(jwk), kid)
    if "alg" in jwk and jwk["alg"] not in _NAMES.get(found.algorithm, (found.algorithm.value,)):
        raise UnusableKeyError("its algorithm is not one of RS256, ES256 and EdDSA")
    return found


def read_key_set(document: bytes) -> KeySet:
    """Read a JWKS document; keys we cannot use are left out, and one that is too large or not strict JSON is refused.

    Raises: UnusableKeyError.
    """
    entries = _json(document).get("keys")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnusableKeyError("the document has no list of keys")
    if len(entries) > MAX_KEYS:
        raise UnusableKeyError(f"the document holds more than {MAX_KEYS} keys")
    keys, left_out = [], []
    for position, entry in enumerate(entries, start=1):
        try:
            keys.append(read_jwk(entry))
        except UnusableKeyError as error:
            left_out.append(f"key {position}: {error}")
    return KeySet(keys, left_out)


def stored_key(jwk: Mapping[str, str]) -> VerificationKey:
    """A key as it is stored, ready to verify."""
    return _ready(json.dumps(dict(jwk), sort_keys=True))


@lru_cache(maxsize=1024)
def _ready(text: str) -> VerificationKey:
    jwk: JsonObject = json.loads(text)
    found = read_jwk(jwk)
    return VerificationKey(found.kid, found.algorithm, _key_of(jwk), found.name)


def _json(document: bytes) -> JsonObject:
    try:
        return read_json(document)
    except StickerError as error:
        raise UnusableKeyError("this is not one strict JSON object of at most 64 KiB") from error


def _from_pem(text: str) -> object:
    try:
        pem = text.encode("ascii")
        if "BEGIN CERTIFICATE" in text:
            return x509.load_pem_x509_certificate(pem).public_key()
        return load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKeyError("this is neither a public key in PEM nor a JWK") from error


def _key_of(jwk: JsonObject) -> object:
    members = {name: jwk.get(name) for name in _MEMBERS.get(str(jwk.get("kty")), ())}
    if not members or not all(isinstance(value, str) and len(value) <= MAX_KEY_CHARS for value in members.values()):
        raise UnusableKeyError("its type is not RSA, EC or OKP, or a part of it is missing")
    try:
        return _KINDS[jwk["kty"]].from_jwk(members)
    except (PyJWTError, ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKeyError("it is not a valid key") from error


def _operations(jwk: JsonObject) -> list[object]:
    operations = jwk.get("key_ops", ["verify"])
    return operations if isinstance(operations, list) else []


def _public_key(key: object, kid: str) -> PublicKey:
    if isinstance(key, RSAPublicKey):
        exponent = key.public_numbers().e
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS or exponent < 3 or exponent % 2 == 0 or exponent >= 2**32:
            raise UnusableKeyError(f"an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits and an odd exponent")
        return PublicKey(Algorithm.RS256, _members(RSAAlgorithm.to_jwk(key, as_dict=True)), kid)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return PublicKey(Algorithm.ES256, _members(ECAlgorithm.to_jwk(key, as_dict=True)), kid)
    if isinstance(key, Ed25519PublicKey):
        return PublicKey(Algorithm.EDDSA, _members(OKPAlgorithm.to_jwk(key, as_dict=True)), kid)
    raise UnusableKeyError("only RSA, P-256 and Ed25519 public keys are used")


def _members(jwk: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(jwk[name]) for name in _MEMBERS[jwk["kty"]]}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
