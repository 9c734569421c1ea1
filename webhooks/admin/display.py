"""How endpoints and deliveries look to staff."""

from typing import Final
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_display import NOTHING, badge, clipped, code, link
from webhooks.answers import meaning_of, status_of
from webhooks.models import Delivery, Endpoint, EndpointSecret, SecretState
from webhooks.reasons import DISABLED_MEANINGS, DisabledReason

_ENDPOINT_TONES: Final = {"active": "ok", "failing": "bad", "unverified": "info", "paused": "warn", "disabled": "bad"}
_STATE_TONES: Final = {
    "pending": "info",
    "inflight": "info",
    "parked": "warn",
    "delivered": "ok",
    "failed": "bad",
    "cancelled": "plain",
    "quarantined": "bad",
}
_SECRET_TONES: Final = {"pending": "info", "current": "ok", "previous": "warn", "revoked": "plain"}


def status_badge(endpoint: Endpoint) -> SafeString:
    """What an endpoint is, in its colour."""
    if endpoint.deleted_at:
        return badge("deleted", title=f"{endpoint.deleted_at:%Y-%m-%d %H:%M} UTC")
    status = status_of(endpoint)
    return badge(status, tone=_ENDPOINT_TONES[status], title=status_meaning(endpoint))


def status_meaning(endpoint: Endpoint) -> str:
    """Why an endpoint is what it is, in a sentence; empty for one that simply works."""
    match status_of(endpoint):
        case "disabled":
            return DISABLED_MEANINGS[DisabledReason(endpoint.disabled_reason)]
        case "paused":
            return "Paused: deliveries wait until it is resumed."
        case "unverified":
            return "It has not answered the ping yet: deliveries wait."
        case "failing":
            return f"{endpoint.consecutive_failures} attempts in a row have failed."
        case _:
            return ""


def host_text(endpoint: Endpoint) -> SafeString:
    """Where an endpoint is, without its query, which may hold a token."""
    parts = urlsplit(endpoint.url)
    return clipped(f"{parts.netloc}{parts.path}")


def endpoint_link(endpoint: Endpoint) -> SafeString:
    """An endpoint as a link to its page."""
    return link(host_text(endpoint), "webhooks_endpoint_change", endpoint.pk)


def state_badge(delivery: Delivery) -> SafeString:
    """A delivery's state in its colour, with the reason behind it."""
    return badge(delivery.get_state_display(), tone=_STATE_TONES[delivery.state], title=meaning_of(delivery.last_reason))


def outcome(delivery: Delivery) -> SafeString:
    """How the last attempt ended: status and reason."""
    if not delivery.last_reason:
        return NOTHING
    status = format_html("{} ", delivery.last_status) if delivery.last_status else ""
    reason = delivery.last_reason.replace("_", " ")
    return format_html('<span class="sa-nowrap" title="{}">{}{}</span>', meaning_of(delivery.last_reason), status, reason)


def secret_badge(secret: EndpointSecret) -> SafeString:
    """A secret's state in its colour."""
    is_over = secret.state == SecretState.PREVIOUS and secret.expires_at and secret.expires_at <= timezone.now()
    return badge("over", tone="plain") if is_over else badge(secret.get_state_display(), tone=_SECRET_TONES[secret.state])


def types_text(types: list[str]) -> SafeString:
    """An event filter in one line."""
    shown = types[0] if len(types) == 1 else f"{types[0]} +{len(types) - 1}"
    return format_html('<span class="sa-nowrap" title="{}">{}</span>', ", ".join(types), code(shown))


def text_block(text: str) -> SafeString:
    """A text of many lines, as it is; whatever markup is in it shows as text."""
    return format_html('<div class="sa-snippet"><pre>{}</pre></div>', text)
