"""The door of every endpoint that a key opens: header, proof, and the marks that log and ledger read."""

from datetime import datetime
from email.utils import format_datetime
from typing import Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from audit.refusals import EXPOSED_KEY, KeySubject
from core.api import ApiView
from core.credentials import parse_key, prefix_of
from core.errors import ForbiddenError, InvalidApiKeyError, PartnerSuspendedError
from core.http import context_of, one_credential, secrets_in_form, secrets_in_query
from core.principals import Principal
from partners.usage import ACCEPTED, note_use
from partners.verification import Verification, verify_key

_MAX_EXPOSED: Final = 3


class ApiKeyAuthentication(BaseAuthentication):
    """Turn the request's one credential into a Principal, at the cost of at most one read."""

    def authenticate(self, request: Request) -> tuple[Principal, Principal]:
        http = request._request
        credential = one_credential(http)
        # Out of a closed list: refusals are counted by prefix, and a caller must not make up new rows.
        http.META["sticker.key_prefix"] = prefix_of(credential)
        verification = verify_key(credential, address=context_of(http).address)
        _mark(http, verification)
        if verification.refusal:
            raise InvalidApiKeyError(reason=verification.refusal)
        principal = verification.principal()
        if principal.grace_until is not None:
            http.META["sticker.headers"] = sunset_headers(principal)
        return principal, principal


def _mark(http: HttpRequest, verification: Verification) -> None:
    record, parsed = verification.record, verification.parsed
    if record is None or parsed is None:
        return
    http.META["sticker.kid"] = record.kid
    http.META["sticker.partner"] = record.partner_id
    http.META["sticker.environment"] = record.environment
    note_use(
        record,
        parsed,
        outcome=verification.refusal or ACCEPTED,
        endpoint=http.resolver_match.view_name if http.resolver_match else "",
        address=context_of(http).address,
    )


def name_exposed_key(request: HttpRequest) -> None:
    """Find out which key stands in a URL or form, so that the ledger can say which one to rotate.

    Only a genuine key is named: kids are public, and anyone could raise an alarm about any key otherwise.
    """
    found = [text for text in (*secrets_in_query(request), *secrets_in_form(request)) if parse_key(text)]
    for text in found[:_MAX_EXPOSED]:
        try:
            record = verify_key(text, address=None).record
        except (OperationalError, InterfaceError):
            return
        if record is not None:
            request.META[EXPOSED_KEY] = KeySubject(record.kid, record.partner_id, record.environment)
            return


def sunset_headers(principal: Principal) -> dict[str, str]:
    """What an old key's answers say during its grace: RFC 9745, RFC 8594, RFC 5829."""
    headers = {"Link": '</v1/keys/self>; rel="successor-version"'}
    if principal.rotated_at is not None:
        headers["Deprecation"] = f"@{int(principal.rotated_at.timestamp())}"
    if principal.grace_until is not None:
        headers["Sunset"] = _http_date(principal.grace_until)
    return headers


def _http_date(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)


def principal_of(request: Request) -> Principal:
    """The proven caller of a request that passed its authentication."""
    principal = request.auth
    if not isinstance(principal, Principal):
        raise TypeError("this view has no key authentication")
    return principal


class HasScope(BasePermission):
    """The partner is active and the key carries the scope its view names for this method; a view without one is closed."""

    def has_permission(self, request: Request, view: ApiView) -> bool:  # type: ignore[override]
        principal = principal_of(request)
        if not principal.partner_is_active:
            raise PartnerSuspendedError(reason="partner_suspended")
        method = str(request._request.method)
        scope = view.required_scopes["GET" if method == "HEAD" else method]
        if scope is not None and scope not in principal.scopes:
            raise ForbiddenError(f"This key does not carry the scope '{scope}'.", reason=f"scope:{scope}")
        return True


class KeyedView(ApiView):
    """An endpoint opened by an API key. A subclass states `required_scopes` for each method it serves."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
