"""A provider's own description of its endpoints (RFC 8414, or OpenID's older form of it)."""

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from core.egress.fetch import EgressFailedError, EgressRefusedError, FetchLimits, fetch
from core.egress.policy import MEANINGS, check_url

LIMITS: Final = FetchLimits(total_seconds=5.0, connect_seconds=2.0, max_body_bytes=256 * 1024)
_WELL_KNOWN: Final = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


class UnusableMetadataError(Exception):
    """A provider's description that cannot be used; the text says why, for staff."""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What a provider says of itself; what it does not say is empty."""

    issuer: str
    token_url: str
    authorization_url: str
    revocation_url: str
    sends_issuer: bool


def discover(metadata_url: str) -> ProviderMetadata:
    """Fetch and check a provider's description.

    Raises: UnusableMetadataError.
    """
    try:
        fetched = fetch(metadata_url, headers={"Accept": "application/json"}, limits=LIMITS)
    except (EgressRefusedError, EgressFailedError) as error:
        raise UnusableMetadataError(MEANINGS[error.reason]) from error
    if fetched.status != 200:
        raise UnusableMetadataError(f"The address answers with status {fetched.status}.")
    return read_metadata(_object(fetched.body), metadata_url=metadata_url)


def read_metadata(said: dict[str, Any], *, metadata_url: str) -> ProviderMetadata:
    """Take a description apart. Its issuer must be the one whose description stands at this address (RFC 8414 §3.3).

    Raises: UnusableMetadataError.
    """
    issuer = _text(said, "issuer")
    if not issuer or metadata_url not in _addresses_of(issuer):
        raise UnusableMetadataError("The description belongs to another issuer than its address says.")
    metadata = ProviderMetadata(
        issuer=issuer,
        token_url=_url(said, "token_endpoint"),
        authorization_url=_url(said, "authorization_endpoint"),
        revocation_url=_url(said, "revocation_endpoint"),
        sends_issuer=said.get("authorization_response_iss_parameter_supported") is True,
    )
    if not metadata.token_url:
        raise UnusableMetadataError("The description names no token endpoint.")
    methods = said.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise UnusableMetadataError("The provider does not support PKCE with S256.")
    return metadata


def _addresses_of(issuer: str) -> set[str]:
    """Where an issuer's description may stand: the well-known part before the issuer's path, or (OpenID) behind it."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    return {f"{origin}{known}{path}" for known in _WELL_KNOWN} | {f"{origin}{path}{_WELL_KNOWN[1]}"}


def _url(said: dict[str, Any], name: str) -> str:
    url = _text(said, name)
    if url:
        try:
            check_url(url)
        except EgressRefusedError as error:
            raise UnusableMetadataError(f"{name}: {error}") from error
    return url


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) and len(value) <= 2048 else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnusableMetadataError("The address does not answer in JSON.") from error
    if not isinstance(said, dict):
        raise UnusableMetadataError("The address does not answer with a JSON object.")
    return said
