"""The door of every endpoint of a surface that this service serves itself: the same decision the gateway makes for others."""

from typing import ClassVar

from django.http import HttpRequest
from rest_framework.request import Request

from core.api import ApiView
from core.errors import InvalidRequestError
from core.http import context_of
from core.responses import use_family
from core.strict_json import JsonObject
from partners.authentication import sunset_headers
from surfaces.admission import admit
from surfaces.decisions import Decision, Question
from surfaces.names import SurfaceName
from surfaces.verification import Proven

_PROVEN = "sticker.proven"


class SurfaceView(ApiView):
    """An endpoint of a surface. What opens it, and which scope it needs, say the rules, not the view.

    `surface` and `required_scopes` are those of the rules as they are seeded, for the API document.
    """

    surface: ClassVar[SurfaceName]

    def perform_authentication(self, request: Request) -> None:
        http = request._request
        decision = admit(question_of(http))
        mark(http, decision)
        _, http.META[_PROVEN] = decision.passed()

    def optional_body(self, request: Request) -> JsonObject:
        """Read the body of a call that may have none."""
        return self.read_body(request) if request._request.body.strip() else {}


def question_of(http: HttpRequest) -> Question:
    """A request to this service, as the rules see it."""
    meta = http.META
    return Question(
        method=str(http.method),
        path=http.path_info,
        headers=meta,
        address=context_of(http).address,
        host=meta.get("HTTP_HOST", ""),
        tenant=meta.get("HTTP_X_TENANT", "").strip(),
        shop=meta.get("HTTP_X_SHOP_HANDLE", "").strip(),
    )


def mark(http: HttpRequest, decision: Decision) -> None:
    """Leave what log, ledger and answer need to know of a decision. Only what is genuine is named."""
    meta = http.META
    use_family(http, decision.family)
    meta["sticker.key_prefix"] = decision.key_prefix
    known = decision.proven or decision.refused
    if known is not None and known.partner_id is not None:
        meta["sticker.kid"] = known.key_id
        meta["sticker.partner"] = known.partner_id
        meta["sticker.environment"] = str(known.environment)
    meta["sticker.headers"] = {**_sunset(decision), **decision.headers}


def _sunset(decision: Decision) -> dict[str, str]:
    verification = decision.proven.verification if decision.proven else None
    if verification is None or verification.record is None or verification.record.grace_until is None:
        return {}
    return sunset_headers(verification.principal())


def caller_of(request: Request) -> Proven:
    """The proven caller of a request that was let in."""
    proven = request._request.META.get(_PROVEN)
    if not isinstance(proven, Proven):
        raise InvalidRequestError(reason="not_admitted")
    return proven
