"""Endpoints that staff add and secrets they rotate by a form: each form works once, so that a reload makes no second secret."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from core.principals import Actor, Environment
from partners.idempotency import Answer, answer_owner_once
from partners.models import Partner
from webhooks.models import Endpoint
from webhooks.services.endpoints import create_endpoint
from webhooks.services.secrets import NewSecret, rotate_secret
from webhooks.specs import EndpointSpec

CREATE: Final = "staff.webhook_endpoint"
ROTATE: Final = "staff.webhook_secret"


@dataclass(frozen=True, slots=True)
class ShownSecret:
    """A secret that a form has made; its text is None when the form comes a second time, because it is shown once."""

    endpoint: Endpoint
    is_pending: bool
    plaintext: str | None = field(repr=False)


def create_endpoint_by_form(
    partner: Partner, *, environment: Environment, spec: EndpointSpec, form_id: str, actor: Actor
) -> ShownSecret:
    """Add an endpoint, once per form.

    Raises: InvalidRequestError; EndpointLimitError.
    """

    def act() -> NewSecret:
        return create_endpoint(partner.pk, environment=environment, spec=spec, actor=actor)

    return _once(partner.pk, environment, operation=CREATE, form_id=form_id, act=act)


def rotate_secret_by_form(endpoint: Endpoint, *, overlap: timedelta, reason: str, form_id: str, actor: Actor) -> ShownSecret:
    """Rotate an endpoint's secret, once per form.

    Raises: EndpointNotFoundError.
    """

    def act() -> NewSecret:
        return rotate_secret(endpoint.pk, overlap=overlap, reason=reason, actor=actor)

    return _once(endpoint.partner_id, Environment(endpoint.environment), operation=ROTATE, form_id=form_id, act=act)


def _once(
    partner_id: UUID, environment: Environment, *, operation: str, form_id: str, act: Callable[[], NewSecret]
) -> ShownSecret:
    made: list[NewSecret] = []

    def kept() -> Answer:
        made.append(act())
        return Answer(201, {"endpoint_id": str(made[0].endpoint.pk), "state": made[0].secret.state})

    answer = answer_owner_once(partner_id, environment, operation=operation, key=form_id, body=form_id.encode(), act=kept)
    endpoint = Endpoint.objects.select_related("partner").get(pk=answer.body["endpoint_id"])
    return ShownSecret(endpoint, answer.body["state"] == "pending", made[0].plaintext if made else None)
