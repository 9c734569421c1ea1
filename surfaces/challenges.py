"""`WWW-Authenticate` of a surface's refusals: RFC 6750 for bearers, and the same manner for API keys."""

from core.errors import StickerError
from surfaces.names import Mechanism

_REALM = 'realm="sticker"'


def challenge(error: StickerError, mechanism: Mechanism) -> str:
    """What goes with a 401 or 403: no error where no credential came (RFC 6750 §3.1), and none that tells keys apart."""
    if error.status == 403:
        return f'{_scheme(mechanism)} {_REALM}, error="insufficient_scope"{_scope(error)}'
    if mechanism is Mechanism.API_KEY or error.slug == "UNAUTHORIZED":
        return f"{_scheme(mechanism)} {_REALM}"
    return f'{_scheme(mechanism)} {_REALM}, error="invalid_token"'


def _scheme(mechanism: Mechanism) -> str:
    return "ApiKey" if mechanism is Mechanism.API_KEY else "Bearer"


def _scope(error: StickerError) -> str:
    kind, _, scope = error.reason.partition(":")
    return f', scope="{scope}"' if kind == "scope" else ""
