"""The signature doctor with what we know of an endpoint: its secrets, its neighbours' and what was really sent."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.utils import timezone

from core.encryption import DecryptionError
from webhooks.doctor import Case, Diagnosis, KnownSecret, Standing, diagnose
from webhooks.doctor.headers import ID
from webhooks.formats import SignatureFormat
from webhooks.models import Endpoint, EndpointSecret, MessageBody, SecretState
from webhooks.services.secrets import open_secret

# Of a partner with more endpoints than this the newest are tried.
MAX_NEIGHBOURS: Final = 50
_STANDINGS: Final = {
    SecretState.CURRENT: Standing.CURRENT,
    SecretState.PENDING: Standing.PENDING,
    SecretState.PREVIOUS: Standing.PREVIOUS,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One delivery as somebody pasted it. The receiver's secret is used for this one answer and kept nowhere."""

    headers: Mapping[str, str]
    body: bytes
    signature_format: SignatureFormat | None = None
    received_at: datetime | None = None
    computed: str = ""
    receiver_secret: str = field(default="", repr=False)


def diagnose_delivery(endpoint: Endpoint, *, sample: Sample) -> Diagnosis:
    """Say why a receiver of this endpoint refuses a delivery. It changes nothing, and tells no secret.

    A secret that cannot be opened here is left out.
    """
    signature_format = sample.signature_format or SignatureFormat(endpoint.signature_format)
    headers = {name.lower(): value for name, value in sample.headers.items()}
    case = Case(
        headers=headers,
        body=sample.body,
        signature_format=signature_format,
        received_at=(sample.received_at or timezone.now()).timestamp(),
        secrets=(*_own(endpoint), *_neighbours(endpoint)),
        sent=_sent(endpoint, headers.get(ID, ""), signature_format),
        computed=sample.computed,
        receiver_secret=sample.receiver_secret,
    )
    return diagnose(case)


def _own(endpoint: Endpoint) -> Iterator[KnownSecret]:
    now = timezone.now()
    for secret in endpoint.secrets.exclude(state=SecretState.REVOKED).order_by("-created_at"):
        standing = _STANDINGS[SecretState(secret.state)]
        if secret.expires_at is not None and secret.expires_at <= now:
            standing = Standing.EXPIRED
        yield from _opened(secret, endpoint, standing, f"made on {secret.created_at:%Y-%m-%d}")


def _neighbours(endpoint: Endpoint) -> Iterator[KnownSecret]:
    others = EndpointSecret.objects.filter(
        state=SecretState.CURRENT,
        endpoint__partner_id=endpoint.partner_id,
        endpoint__environment=endpoint.environment,
        endpoint__deleted_at=None,
    ).exclude(endpoint=endpoint)
    for secret in others.select_related("endpoint").order_by("-created_at")[:MAX_NEIGHBOURS]:
        yield from _opened(secret, secret.endpoint, Standing.OTHER, f"the endpoint at {secret.endpoint.url}")


def _opened(secret: EndpointSecret, endpoint: Endpoint, standing: Standing, label: str) -> Iterator[KnownSecret]:
    with suppress(DecryptionError):
        yield KnownSecret(open_secret(secret, endpoint=endpoint), standing, label)


def _sent(endpoint: Endpoint, message_id: str, style: SignatureFormat) -> bytes | None:
    """What we sent this endpoint under an id, where it is still kept."""
    wanted = endpoint.deliveries.filter(message__message_id=message_id).values("message")
    stored = MessageBody.objects.filter(message__in=wanted, style=style).first()
    return bytes(stored.body) if stored and stored.body else None
