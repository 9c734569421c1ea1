"""The ledger rows of acts on endpoints: ids, and addresses without what a query string may hide."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from audit.events import EventType
from audit.services import Act
from core.principals import Actor
from webhooks.models import Endpoint


def endpoint_act(
    event: EventType, endpoint: Endpoint, actor: Actor, *, reason: str = "", data: Mapping[str, object] | None = None
) -> Act:
    """One act on an endpoint, in the words of the ledger."""
    return Act(event, actor, endpoint.partner_id, endpoint.environment, "endpoint", str(endpoint.pk), reason, data or {})


def bare_url(url: str) -> str:
    """A URL without its query, where receivers keep tokens."""
    return urlsplit(url)._replace(query="").geturl()
