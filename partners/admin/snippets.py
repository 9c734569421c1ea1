"""What a partner pastes into its own page: the frame's markup and the line of its content policy."""

from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from core.principals import Environment
from partners.models import Partner

SANDBOX: Final = (
    "allow-same-origin allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox"
    " allow-top-navigation-by-user-activation"
)
ALLOW: Final = "payment; publickey-credentials-get; fullscreen"


def embed_address(partner: Partner, environment: Environment) -> str:
    """The address of the partner's embed page, without a token."""
    base = "/embedded" if environment is Environment.LIVE else "/sandbox/embedded"
    return f"{settings.EMBED_BASE_URL}{base}/{partner.pk}"


def iframe_markup(partner: Partner, environment: Environment) -> str:
    """The frame as contracts.md §3 has it; the token of the handshake goes behind the hash."""
    return (
        f'<iframe src="{embed_address(partner, environment)}#session_key=TOKEN"\n'
        f'  title="Sticker" referrerpolicy="no-referrer"\n'
        f'  sandbox="{SANDBOX}"\n'
        f'  allow="{ALLOW}"></iframe>'
    )


def csp_line() -> str:
    """What the partner's own Content-Security-Policy must allow for loader and frame."""
    return f"script-src {_origin(settings.PUBLIC_BASE_URL)}; frame-src {_origin(settings.EMBED_BASE_URL)}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
