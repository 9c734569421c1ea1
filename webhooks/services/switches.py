"""Several changes to one endpoint as one act: what a PATCH asks for holds as a whole or not at all."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from core.principals import Actor
from webhooks.models import Endpoint
from webhooks.reasons import DisabledReason
from webhooks.services import endpoints
from webhooks.services.locks import locked_endpoint
from webhooks.specs import EndpointSpec


@dataclass(frozen=True, slots=True)
class EndpointPatch:
    """What an endpoint shall be; None leaves a switch as it stands."""

    spec: EndpointSpec
    is_paused: bool | None = None
    is_disabled: bool | None = None
    reason: str = ""


def patch_endpoint(endpoint_id: UUID, *, patch: EndpointPatch, actor: Actor) -> Endpoint:
    """Make an endpoint what the patch says, in one transaction.

    Raises: EndpointNotFoundError; InvalidRequestError; EndpointStateError when staff disabled it and the partner enables it.
    """
    reason = patch.reason
    with transaction.atomic():
        endpoints.update_endpoint(endpoint_id, spec=patch.spec, reason=reason, actor=actor)
        if patch.is_paused is not None:
            turn = endpoints.pause_endpoint if patch.is_paused else endpoints.resume_endpoint
            turn(endpoint_id, reason=reason, actor=actor)
        if patch.is_disabled is True:
            endpoints.disable_endpoint(endpoint_id, because=DisabledReason.PARTNER, reason=reason, actor=actor)
        elif patch.is_disabled is False:
            endpoints.enable_endpoint(endpoint_id, reason=reason, actor=actor)
        return locked_endpoint(endpoint_id)
