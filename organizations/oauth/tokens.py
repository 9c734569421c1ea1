"""The token endpoint: a code or a refresh token goes in, tokens or a failure with a meaning come out (RFC 6749 §5)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.egress.fetch import Fetched, FetchLimits
from organizations.fields import MAX_TOKEN_CHARS, MAX_TOKEN_SECONDS
from organizations.oauth.client import LIMITS, OAuthClient, post_form
from organizations.oauth.failures import Meaning, ProviderFailureError, passing, retry_after
from organizations.sync_reasons import SyncReason

# What may stand in an Authorization header behind `Bearer` (RFC 6750 §2.1 is narrower than what providers issue).
_TOKEN: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
_MANY_DIGITS: Final = 12
# The first are RFC 6749's, the others are what large providers say instead, some of them with status 200.
_GRANT_ENDED: Final = frozenset(
    {"invalid_grant", "bad_refresh_token", "bad_verification_code", "expired_token", "token_expired"}
)
_CLIENT_WRONG: Final = frozenset({"invalid_client", "unauthorized_client", "incorrect_client_credentials"})
_LATER: Final = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


@dataclass(frozen=True, slots=True)
class TokenSet:
    """Tokens as a provider issues them or a partner hands them over; `expires_in` is in seconds from now."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: int | None = None
    scopes: tuple[str, ...] = ()


def is_token(text: str) -> bool:
    """Tell whether a text can stand in a header as a token."""
    return len(text) <= MAX_TOKEN_CHARS and _TOKEN.fullmatch(text) is not None


def refresh_tokens(client: OAuthClient, *, refresh_token: str) -> TokenSet:
    """Use a refresh token (RFC 6749 §6). It may be good for this one call only.

    Raises: ProviderFailureError.
    """
    return _ask(client, {"grant_type": "refresh_token", "refresh_token": refresh_token}, LIMITS)


def redeem_code(client: OAuthClient, *, code: str, redirect_uri: str, code_verifier: str, limits: FetchLimits) -> TokenSet:
    """Turn an authorization code into tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).

    Raises: ProviderFailureError.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier}
    return _ask(client, form, limits)


def _ask(client: OAuthClient, form: Mapping[str, str], limits: FetchLimits) -> TokenSet:
    return read_token_answer(post_form(client, url=client.token_url, form=form, limits=limits))


def read_token_answer(fetched: Fetched) -> TokenSet:
    """Take a token endpoint's answer apart; an error counts whatever the status that it comes with.

    Raises: ProviderFailureError.
    """
    if failure := passing(fetched):
        raise failure
    said = _object(fetched.body)
    error = said.get("error")
    if isinstance(error, str) and error:
        raise _failure(error, fetched)
    if fetched.status == 401:
        raise ProviderFailureError(Meaning.CLIENT_WRONG, SyncReason.INVALID_CLIENT, http_status=401)
    if fetched.status != 200:
        raise ProviderFailureError(Meaning.LATER, SyncReason.UNEXPECTED_STATUS, http_status=fetched.status)
    return _tokens(said)


def _failure(error: str, fetched: Fetched) -> ProviderFailureError:
    status = fetched.status
    if error in _GRANT_ENDED:
        return ProviderFailureError(Meaning.GRANT_ENDED, SyncReason.INVALID_GRANT, http_status=status)
    if error in _CLIENT_WRONG:
        return ProviderFailureError(Meaning.CLIENT_WRONG, SyncReason.INVALID_CLIENT, http_status=status)
    if error in _LATER:
        wait = retry_after(fetched.headers)
        return ProviderFailureError(Meaning.LATER, SyncReason.PROVIDER_ERROR, http_status=status, retry_after_seconds=wait)
    return ProviderFailureError(Meaning.SETTINGS_WRONG, SyncReason.REQUEST_REFUSED, http_status=status)


def _tokens(said: Mapping[str, Any]) -> TokenSet:
    access_token, refresh_token = said.get("access_token"), said.get("refresh_token") or None
    if not isinstance(access_token, str) or not is_token(access_token):
        # Issued, perhaps, but not to be used: the refresh token that paid for it may be gone.
        raise ProviderFailureError(Meaning.LOST, SyncReason.UNREADABLE, http_status=200)
    if refresh_token is not None and not (isinstance(refresh_token, str) and is_token(refresh_token)):
        raise ProviderFailureError(Meaning.LOST, SyncReason.UNREADABLE, http_status=200)
    if str(said.get("token_type") or "bearer").lower() != "bearer":
        raise ProviderFailureError(Meaning.SETTINGS_WRONG, SyncReason.TOKEN_TYPE, http_status=200)
    scope = said.get("scope")
    scopes = tuple(each[:128] for each in scope.split()[:100]) if isinstance(scope, str) else ()
    return TokenSet(access_token, refresh_token, _seconds(said.get("expires_in")), scopes)


def _seconds(value: object) -> int | None:
    """`expires_in`, which some providers write as text; None where it says nothing that could be believed."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MANY_DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    return min(value, MAX_TOKEN_SECONDS)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
