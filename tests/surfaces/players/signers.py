"""Partners who sign tokens, with two libraries that are not ours to fix: PyJWT and joserfc."""

import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk as jose_jwk
from joserfc import jwt as jose_jwt

from core.principals import Environment
from partners.models import Partner
from surfaces.models.players import Algorithm, KeySource, PlayerIssuer
from surfaces.players.policy import IssuerIdentity, IssuerPolicy
from surfaces.services.player_issuers import register_issuer
from surfaces.services.player_keys import NewKey
from tests.factories import ALICE

ISS: Final = "https://id.acme.example"
AUDIENCE: Final = "sticker-test"
# Making an RSA key takes a tenth of a second: one serves all tests.
RSA_KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC: Final = (Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA)


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, or a shared secret, and the id its tokens carry."""

    algorithm: Algorithm
    key: Any = field(repr=False)
    kid: str = ""

    def token(self, claims: Mapping[str, Any] | None = None, *, header: Mapping[str, Any] | None = None) -> str:
        """Sign claims with PyJWT."""
        head = {**({"kid": self.kid} if self.kid else {}), **(header or {})}
        return str(jwt.encode(dict(claims or player_claims()), self.key, algorithm=self.algorithm.value, headers=head))

    def jose_token(self, claims: Mapping[str, Any] | None = None) -> str:
        """Sign claims with joserfc."""
        # joserfc writes the newer name of this one (RFC 9864).
        name = "Ed25519" if self.algorithm is Algorithm.EDDSA else self.algorithm.value
        head = {"alg": name, **({"kid": self.kid} if self.kid else {})}
        return str(jose_jwt.encode(head, dict(claims or player_claims()), self._jose(), algorithms=[name]))

    @property
    def pem(self) -> str:
        """The public half as PEM."""
        public = self.key.public_key()
        return str(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "ascii")

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half as joserfc writes a JWK."""
        members: dict[str, Any] = self._jose().as_dict(private=False)
        members.pop("kid", None)
        return {**members, "use": "sig", "alg": self.algorithm.value, **({"kid": self.kid} if self.kid else {})}

    @property
    def thumbprint(self) -> str:
        """The key's RFC 7638 thumbprint as joserfc computes it."""
        return str(self._jose().thumbprint())

    @property
    def new_key(self) -> NewKey:
        """The key as staff would give it to us."""
        if self.algorithm is Algorithm.HS256:
            return NewKey(self.kid, secret=self.key)
        return NewKey(self.kid, public=self.pem)

    def _jose(self) -> Any:
        if self.algorithm is Algorithm.HS256:
            return jose_jwk.OctKey.import_key(self.key)
        kind: dict[Algorithm, Any] = {
            Algorithm.RS256: jose_jwk.RSAKey,
            Algorithm.ES256: jose_jwk.ECKey,
            Algorithm.EDDSA: jose_jwk.OKPKey,
        }
        return kind[self.algorithm].import_key(self.key)


def signer(algorithm: Algorithm, *, kid: str = "") -> Signer:
    """A signer with a new key; of RSA there is one for all."""
    if algorithm is Algorithm.HS256:
        return Signer(algorithm, secrets.token_bytes(32), kid)
    if algorithm is Algorithm.RS256:
        return Signer(algorithm, RSA_KEY, kid)
    key = ec.generate_private_key(ec.SECP256R1()) if algorithm is Algorithm.ES256 else ed25519.Ed25519PrivateKey.generate()
    return Signer(algorithm, key, kid)


def player_claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change to None takes a claim away."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISS,
        "aud": AUDIENCE,
        "sub": "player-1",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
        "email": "ada@example.com",
        "name": "Ada Byron King",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def make_issuer(
    partner: Partner,
    *signers: Signer,
    environment: Environment = Environment.TEST,
    iss: str = ISS,
    jwks_url: str = "",
    **policy: Any,
) -> PlayerIssuer:
    """An issuer of a partner with the keys of some signers, which may make profiles."""
    is_secret = bool(signers) and signers[0].algorithm is Algorithm.HS256
    source = KeySource.JWKS if jwks_url else KeySource.SECRET if is_secret else KeySource.PUBLIC
    policy.setdefault("name", "Acme accounts")
    policy.setdefault("audience", AUDIENCE)
    policy.setdefault("algorithms", [Algorithm.HS256] if source is KeySource.SECRET else list(PUBLIC))
    policy.setdefault("allows_profile_creation", True)
    identity = IssuerIdentity(environment, iss, source)
    return register_issuer(
        partner.pk,
        identity=identity,
        policy=IssuerPolicy(jwks_url=jwks_url, **policy),
        key=signers[0].new_key if signers and not jwks_url else None,
        actor=ALICE,
    )


def key_set(*signers: Signer) -> bytes:
    """A JWKS document."""
    return json.dumps({"keys": [each.jwk for each in signers]}).encode()
