"""The life of an endpoint: added, edited, paused, resumed, disabled, enabled, deleted."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import record
from core.principals import Actor, ActorKind, Environment
from partners.models import Partner
from webhooks.errors import EndpointLimitError, EndpointStateError
from webhooks.models import FINAL_STATES, DeliveryState, Endpoint, SecretState
from webhooks.reasons import DeliveryReason, DisabledReason
from webhooks.services.ledger import bare_url, endpoint_act
from webhooks.services.locks import locked_endpoint
from webhooks.services.probes import ask_for_proof
from webhooks.services.secrets import NewSecret, add_secret, end_all_secrets
from webhooks.specs import EndpointSpec

# Shown in the ledger, before and after; the URL without its query.
_TOLD: Final = ("event_types", "signature_format", "description", "max_concurrency", "rate_per_minute", "echoes_challenge")
# A record without troubles: what they counted for another receiver says nothing about this one.
_CLEAN: Final[dict[str, Any]] = {
    "failing_since": None,
    "consecutive_failures": 0,
    "last_failure_at": None,
    "warned_hours": 0,
    "resume_at": None,
    "cap": None,
}


def create_endpoint(partner_id: UUID, *, environment: Environment, spec: EndpointSpec, actor: Actor) -> NewSecret:
    """Add an endpoint with its first secret, and ask it to prove that it is wanted; until then its deliveries are parked.

    Raises: InvalidRequestError for a URL or filter that cannot be; EndpointLimitError when the partner has enough.
    """
    spec = spec.checked()
    with transaction.atomic():
        # Whoever adds at the same time waits here, so that the limit holds.
        Partner.objects.select_for_update(no_key=True).get(pk=partner_id)
        present = Endpoint.objects.present().filter(partner_id=partner_id, environment=environment.value).count()
        if present >= settings.WEBHOOK_MAX_ENDPOINTS:
            raise EndpointLimitError(reason="endpoint_limit")
        endpoint = Endpoint(partner_id=partner_id, environment=environment.value)
        _apply(endpoint, spec.differences(endpoint))
        endpoint.save(force_insert=True)
        new = add_secret(endpoint, state=SecretState.CURRENT)
        ask_for_proof(endpoint)
        data = {"url": bare_url(endpoint.url), **{name: getattr(endpoint, name) for name in _TOLD}}
        record(endpoint_act(EventType.ENDPOINT_CREATED, endpoint, actor, data=data))
    endpoint.refresh_from_db()
    new.secret.refresh_from_db()
    return new


def update_endpoint(endpoint_id: UUID, *, spec: EndpointSpec, reason: str, actor: Actor) -> Endpoint:
    """Make an endpoint what the spec says. A new URL has to prove itself first; what waits meanwhile is parked.

    Deliveries that are on their way go on under the new spec: same id and data, in the family then valid.
    Raises: EndpointNotFoundError; InvalidRequestError.
    """
    spec = spec.checked()
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        changes = spec.differences(endpoint)
        if not changes:
            return endpoint
        before = _told(endpoint, changes)
        _apply(endpoint, changes)
        if "url" in changes:
            for name, value in {"verified_at": None, **_CLEAN}.items():
                setattr(endpoint, name, value)
            endpoint.save(update_fields=["verified_at", *_CLEAN])
            ask_for_proof(endpoint)
            _park(endpoint, DeliveryReason.UNVERIFIED)
        endpoint.save(update_fields=list(changes))
        Endpoint.objects.filter(pk=endpoint.pk).update(updated_at=Now())
        data = {"before": before, "after": _told(endpoint, changes)}
        record(endpoint_act(EventType.ENDPOINT_UPDATED, endpoint, actor, reason=reason, data=data))
    endpoint.refresh_from_db()
    return endpoint


def pause_endpoint(endpoint_id: UUID, *, reason: str, actor: Actor) -> Endpoint:
    """Park what goes to an endpoint until it is resumed. Safe to call twice.

    Raises: EndpointNotFoundError.
    """
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        if endpoint.paused_at is None:
            _set(endpoint, paused_at=Now())
            _park(endpoint, DeliveryReason.PAUSED)
            record(endpoint_act(EventType.ENDPOINT_PAUSED, endpoint, actor, reason=reason))
    return endpoint


def resume_endpoint(endpoint_id: UUID, *, reason: str, actor: Actor) -> Endpoint:
    """Let a paused endpoint have its deliveries again, the parked ones in their order. Safe to call twice.

    Raises: EndpointNotFoundError.
    """
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        if endpoint.paused_at is not None:
            _set(endpoint, paused_at=None)
            record(endpoint_act(EventType.ENDPOINT_RESUMED, endpoint, actor, reason=reason))
    return endpoint


def disable_endpoint(endpoint_id: UUID, *, because: DisabledReason, reason: str, actor: Actor) -> Endpoint:
    """Park what goes to an endpoint until it is enabled; staff's own disabling stays until staff undo it. Safe to call twice.

    Raises: EndpointNotFoundError.
    """
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        is_stronger = because is DisabledReason.STAFF and endpoint.disabled_reason != because
        if endpoint.disabled_at is None or is_stronger:
            _set(endpoint, disabled_at=Now(), disabled_reason=because.value)
            _park(endpoint, DeliveryReason.DISABLED)
            record(endpoint_act(EventType.ENDPOINT_DISABLED, endpoint, actor, reason=reason, data={"reason": because.value}))
    return endpoint


def enable_endpoint(endpoint_id: UUID, *, reason: str, actor: Actor) -> Endpoint:
    """Let a disabled endpoint have its deliveries again, with a clean record. Safe to call twice.

    Raises: EndpointNotFoundError; EndpointStateError when staff disabled it and the partner asks.
    """
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        if endpoint.disabled_at is None:
            return endpoint
        if endpoint.disabled_reason == DisabledReason.STAFF and actor.kind is ActorKind.KEY:
            raise EndpointStateError("Staff disabled this endpoint. Contact support.", reason="disabled_by_staff")
        _set(endpoint, disabled_at=None, disabled_reason="", **_CLEAN)
        record(endpoint_act(EventType.ENDPOINT_ENABLED, endpoint, actor, reason=reason))
    return endpoint


def delete_endpoint(endpoint_id: UUID, *, reason: str, actor: Actor) -> None:
    """End an endpoint: its secrets are forgotten, what was not delivered is cancelled and stays in the log.

    Raises: EndpointNotFoundError.
    """
    with transaction.atomic():
        endpoint = locked_endpoint(endpoint_id)
        _set(endpoint, deleted_at=Now(), verify_message_id=None)
        end_all_secrets(endpoint)
        endpoint.deliveries.exclude(state__in=FINAL_STATES).update(
            state=DeliveryState.CANCELLED,
            last_reason=DeliveryReason.DELETED,
            claim=None,
            lease_until=None,
            finished_at=Now(),
        )
        record(endpoint_act(EventType.ENDPOINT_DELETED, endpoint, actor, reason=reason))


def _apply(endpoint: Endpoint, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        setattr(endpoint, name, value)


def _set(endpoint: Endpoint, **columns: Any) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(**columns, updated_at=Now())
    endpoint.refresh_from_db()


def _park(endpoint: Endpoint, reason: DeliveryReason) -> None:
    waiting = endpoint.deliveries.filter(state=DeliveryState.PENDING, is_probe=False)
    waiting.update(state=DeliveryState.PARKED, last_reason=reason)


def _told(endpoint: Endpoint, names: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: getattr(endpoint, name) for name in names if name in _TOLD}
    return {**told, "url": bare_url(endpoint.url)} if "url" in names else told
