"""Finding an endpoint's row and holding it for an act."""

from uuid import UUID

from core.principals import Principal
from webhooks.errors import EndpointNotFoundError
from webhooks.models import Endpoint


def locked_endpoint(endpoint_id: UUID) -> Endpoint:
    """Hold an endpoint's row until the transaction ends.

    Raises: EndpointNotFoundError when it is unknown or deleted.
    """
    endpoint = Endpoint.objects.present().select_for_update(no_key=True).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise EndpointNotFoundError(reason="unknown_endpoint")
    return endpoint


def find_endpoint(principal: Principal, endpoint_id: UUID) -> Endpoint:
    """Find an endpoint of the caller's.

    Raises: EndpointNotFoundError, for those of others too.
    """
    endpoint = Endpoint.objects.present().for_principal(principal).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise EndpointNotFoundError(reason="unknown_endpoint")
    return endpoint
