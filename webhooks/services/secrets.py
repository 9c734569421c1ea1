"""The life of a signing secret: made, proved by the receiver, followed by the next one, and ended."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from audit.events import EventType
from audit.services import record
from core.encryption import decrypt, encrypt
from core.principals import Actor
from webhooks.models import Endpoint, EndpointSecret, SecretState
from webhooks.own_events import SECRET_ROTATED
from webhooks.services.ledger import endpoint_act
from webhooks.services.locks import locked_endpoint
from webhooks.services.messages import send_probe
from webhooks.services.probes import cancel_probes
from webhooks.signing import Secrets, mint_secret

DEFAULT_OVERLAP: Final = timedelta(hours=24)
MAX_OVERLAP: Final = timedelta(days=7)
# Signatures are checked one after the other by receivers: no more than these are ever sent together.
MAX_VALID: Final = 3


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret that was just made, and its text, which is shown once."""

    secret: EndpointSecret
    endpoint: Endpoint
    plaintext: str = field(repr=False)


def add_secret(endpoint: Endpoint, *, state: SecretState, overlap: timedelta = timedelta(0)) -> NewSecret:
    """Make a secret and seal it for its row. The caller holds the endpoint's row, or has just made it."""
    plaintext = mint_secret()
    secret = EndpointSecret(endpoint=endpoint, state=state, overlap_seconds=int(overlap.total_seconds()))
    secret.sealed = encrypt(plaintext.encode(), place=secret.place(endpoint))
    secret.save(force_insert=True)
    return NewSecret(secret, endpoint, plaintext)


def rotate_secret(endpoint_id: UUID, *, overlap: timedelta, reason: str, actor: Actor) -> NewSecret:
    """Make a new secret. It takes over once the receiver has answered 2xx to a ping signed with it.

    The old one stays valid until `overlap` after this call, and until that proof in any case. With an overlap of nothing (an
    emergency) the new one takes over at once and every other ends now. An unproved secret of an earlier rotation is replaced.
    Raises: EndpointNotFoundError.
    """
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        if not overlap:
            new = _replace_all(endpoint)
            act = endpoint_act(EventType.ENDPOINT_SECRET_ROTATED, endpoint, actor, reason=reason, data={"is_emergency": True})
        else:
            new = _stage(endpoint, overlap)
            data = {"secret_id": str(new.secret.pk), "overlap_seconds": int(overlap.total_seconds())}
            act = endpoint_act(EventType.ENDPOINT_ROTATION_STARTED, endpoint, actor, reason=reason, data=data)
        record(act)
    new.secret.refresh_from_db()
    return new


def promote_secret(pending: EndpointSecret, *, endpoint: Endpoint, actor: Actor) -> None:
    """Let a proved secret take over, inside the transaction that holds the endpoint's row."""
    now = timezone.now()
    ends_at = max(now, pending.created_at + timedelta(seconds=pending.overlap_seconds))
    endpoint.secrets.filter(state=SecretState.CURRENT).update(state=SecretState.PREVIOUS, expires_at=ends_at)
    pending.state, pending.confirmed_at = SecretState.CURRENT, now
    pending.save(update_fields=["state", "confirmed_at"])
    _end_surplus(endpoint)
    data = {"secret_id": str(pending.pk), "previous_ends_at": ends_at}
    record(endpoint_act(EventType.ENDPOINT_SECRET_ROTATED, endpoint, actor, data=data))


def end_expired_secrets() -> int:
    """Forget the text of previous secrets whose time is over; return how many."""
    over = EndpointSecret.objects.filter(state=SecretState.PREVIOUS, expires_at__lte=Now())
    return over.update(state=SecretState.REVOKED, sealed=b"")


def end_all_secrets(endpoint: Endpoint) -> None:
    """Forget every secret of an endpoint."""
    endpoint.secrets.exclude(state=SecretState.REVOKED).update(state=SecretState.REVOKED, sealed=b"", expires_at=Now())


def signing_secrets(endpoint: Endpoint, *, message_pk: int | None = None) -> Secrets:
    """Open what an endpoint's deliveries are signed with; the ping of a pending secret is signed with that one alone.

    Raises: DecryptionError when a secret cannot be read here.
    """
    valid = list(endpoint.secrets.valid(timezone.now()).order_by("-created_at"))
    proving = next((each for each in valid if message_pk is not None and each.ping_message_id == message_pk), None)
    if proving is not None and proving.state == SecretState.PENDING:
        return Secrets(open_secret(proving, endpoint=endpoint))
    current = next(each for each in valid if each.state == SecretState.CURRENT)
    others = [open_secret(each, endpoint=endpoint) for each in valid if each is not current]
    return Secrets(open_secret(current, endpoint=endpoint), tuple(others))


def open_secret(secret: EndpointSecret, *, endpoint: Endpoint) -> str:
    """Read a secret's text.

    Raises: DecryptionError.
    """
    return decrypt(bytes(secret.sealed), place=secret.place(endpoint)).decode()


def _replace_all(endpoint: Endpoint) -> NewSecret:
    cancel_probes(endpoint, event_type=SECRET_ROTATED)
    end_all_secrets(endpoint)
    return add_secret(endpoint, state=SecretState.CURRENT)


def _stage(endpoint: Endpoint, overlap: timedelta) -> NewSecret:
    cancel_probes(endpoint, event_type=SECRET_ROTATED)
    endpoint.secrets.filter(state=SecretState.PENDING).update(state=SecretState.REVOKED, sealed=b"", expires_at=Now())
    new = add_secret(endpoint, state=SecretState.PENDING, overlap=overlap)
    data = {"endpoint_id": str(endpoint.pk), "secret_id": str(new.secret.pk)}
    ping = send_probe(endpoint, event_type=SECRET_ROTATED, data=data)
    new.secret.ping_message_id = ping.message_id
    new.secret.save(update_fields=["ping_message_id"])
    return new


def _end_surplus(endpoint: Endpoint) -> None:
    older = endpoint.secrets.filter(state=SecretState.PREVIOUS).order_by("-created_at").values_list("pk", flat=True)
    surplus = list(older[MAX_VALID - 1 :])
    endpoint.secrets.filter(pk__in=surplus).update(state=SecretState.REVOKED, sealed=b"", expires_at=Now())
