"""The REST doors of a session: for the partner's backend (by key) and for the embed page (by cookie or handle)."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api import ApiView
from core.errors import SessionExpiredError
from core.http import context_of
from core.principals import Environment
from core.responses import json_response
from core.strict_json import JsonObject
from partners.authentication import KeyedView, principal_of
from partners.throttling import ThrottledView, ThrottleScope
from sessions_app import cookies, shapes
from sessions_app.errors import EmbedCallError
from sessions_app.handles import Handle, parse_handle
from sessions_app.services import embed, redeem, revoke, status
from sessions_app.services.handshake import create_session


class HandshakeView(ThrottledView):
    """Ask for a one-time session token for a user."""

    required_scopes: ClassVar = {"POST": "session:create"}
    throttle_scope = ThrottleScope.HANDSHAKE

    @extend_schema(
        operation_id="handshake",
        summary="Ask for a session token",
        request=shapes.HandshakeRequest,
        responses=shapes.HandshakeAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        http, principal = request._request, principal_of(request)
        refuse_idempotency_key(http)
        handshake = shapes.read_handshake(self.read_body(request))
        session = create_session(principal, handshake=handshake, actor=principal.actor(context_of(http)))
        answer = shapes.handshake_answer(
            session,
            embed_url=embed_url(principal.partner_id, principal.environment),
            expires_in=int(settings.SESSION_TOKEN_LIFETIME.total_seconds()),
        )
        return json_response(answer)


class SessionView(KeyedView):
    """One session, for the backend that asked for it."""

    required_scopes: ClassVar = {"GET": "session:read", "DELETE": "session:revoke"}

    @extend_schema(operation_id="session_status", summary="What became of a session", responses=shapes.StatusAnswer)
    def get(self, request: Request, session_id: UUID) -> HttpResponse:
        return json_response(shapes.status_answer(status.session_status(principal_of(request), session_id=session_id)))

    @extend_schema(operation_id="session_revoke", summary="Revoke a session", responses={204: None})
    def delete(self, request: Request, session_id: UUID) -> HttpResponse:
        principal = principal_of(request)
        revoke.revoke_own_session(principal, session_id=session_id, actor=principal.actor(context_of(request._request)))
        return HttpResponse(status=204)


class UserSessionsView(KeyedView):
    """All sessions of one user."""

    required_scopes: ClassVar = {"DELETE": "session:revoke"}

    @extend_schema(operation_id="user_sessions_revoke", summary="Revoke all sessions of a user", responses={204: None})
    def delete(self, request: Request, internal_user_id: str) -> HttpResponse:
        principal = principal_of(request)
        actor = principal.actor(context_of(request._request))
        revoke.revoke_user_sessions(principal, internal_user_id=internal_user_id, actor=actor)
        return HttpResponse(status=204)


class EmbedView(ApiView):
    """An endpoint of the embed page: no key, no CSRF cookie; the page proves itself by where it calls from."""

    granting_fields: ClassVar = frozenset({"scopes", "is_used", "expires_at"})

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_origin(request._request)
        if request._request.META.get("HTTP_X_STICKER_EMBED") != "1":
            raise EmbedCallError(reason="embed_header")

    def optional_body(self, request: Request) -> JsonObject:
        """Read the body of a call that may have none."""
        return self.read_body(request) if request._request.body else {}

    def handle(self, request: Request, body: JsonObject) -> Handle:
        """The session's handle: from the body in memory mode, else from the cookie.

        Raises: SessionExpiredError when there is none.
        """
        given = body.get("refresh_handle")
        handle = parse_handle(given) if isinstance(given, str) else cookies.read_cookie(request._request, cookie_of(request))
        if handle is None:
            raise SessionExpiredError(reason="no_handle")
        return handle


class RedeemView(EmbedView):
    """Redeem a session token; the one embed endpoint a caller without a page may use."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super(EmbedView, self).initial(request, *args, **kwargs)
        check_origin(request._request, is_required=False)

    @extend_schema(
        operation_id="session_redeem",
        summary="Redeem a session token",
        request=shapes.RedeemRequest,
        responses=shapes.SignedInAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        http, body = request._request, self.read_body(request)
        is_memory = shapes.is_memory_mode(body)
        redemption = shapes.read_redemption(body)
        signed_in = redeem.redeem_session(with_cookie(redemption, http), context=context_of(http))
        return signed_in_response(signed_in, is_memory=is_memory)


class CurrentView(EmbedView):
    """The session the page is signed in with: by cookie, or by access token where cookies are dropped."""

    @extend_schema(operation_id="session_current", summary="The signed-in session", responses=shapes.CurrentAnswer)
    def get(self, request: Request) -> HttpResponse:
        scheme, _, token = request._request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer":
            session = embed.session_of_token(token.strip())
        else:
            session = embed.session_of(self.handle(request, {}))
        return json_response({"success": True, **shapes.session_facts(session)})


class RefreshView(EmbedView):
    """Rotate the handle and get a new access token."""

    @extend_schema(
        operation_id="session_refresh",
        summary="Refresh the access token",
        request=shapes.RefreshRequest,
        responses=shapes.SignedInAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        body = self.optional_body(request)
        signed_in = embed.refresh_session(self.handle(request, body), context=context_of(request._request))
        return signed_in_response(signed_in, is_memory="refresh_handle" in body)


class HeartbeatView(EmbedView):
    """Keep the session from idling out."""

    @extend_schema(
        operation_id="session_heartbeat",
        summary="Keep the session alive",
        request=shapes.RefreshRequest,
        responses=shapes.CurrentAnswer,
    )
    def post(self, request: Request) -> HttpResponse:
        session = embed.heartbeat_session(self.handle(request, self.optional_body(request)))
        return json_response({"success": True, **shapes.session_facts(session)})


class LogoutView(EmbedView):
    """Sign out; 204 whether or not a session was open."""

    @extend_schema(operation_id="session_logout", summary="Sign out", request=shapes.RefreshRequest, responses={204: None})
    def post(self, request: Request) -> HttpResponse:
        http, body = request._request, self.optional_body(request)
        response = HttpResponse(status=204)
        try:
            handle = self.handle(request, body)
        except SessionExpiredError:
            return response
        embed.logout_session(handle, context=context_of(http))
        for name in cookies.names_of(http, handle):
            cookies.clear_cookie(response, name)
        return response


def refuse_idempotency_key(request: HttpRequest) -> None:
    """A handshake's answer is a secret that is never stored, so it cannot be given again.

    Raises: InvalidRequestError.
    """
    if "HTTP_IDEMPOTENCY_KEY" in request.META:
        raise shapes.idempotency_refused()


def check_origin(request: HttpRequest, *, is_required: bool = True) -> None:
    """Let only the embed page's own origin through; a browser sends it with every POST and cannot be made to lie.

    A same-origin GET carries no Origin; there `Sec-Fetch-Site` and the custom header stand in.
    Raises: EmbedCallError.
    """
    origin = request.META.get("HTTP_ORIGIN")
    needs_origin = is_required and request.method not in ("GET", "HEAD")
    if (origin is None and needs_origin) or (origin is not None and origin != embed_origin()):
        raise EmbedCallError(reason="embed_origin")
    if request.META.get("HTTP_SEC_FETCH_SITE", "same-origin") != "same-origin":
        raise EmbedCallError(reason="embed_site")


def embed_origin() -> str:
    """The origin the embed page is served from."""
    return "/".join(settings.EMBED_BASE_URL.split("/")[:3])


def embed_url(partner_id: UUID, environment: Environment) -> str:
    """The address of a partner's embed page."""
    prefix = "/sandbox" if environment is Environment.TEST else ""
    return f"{settings.EMBED_BASE_URL}{prefix}/embedded/{partner_id}"


def cookie_of(request: Request) -> str | None:
    """The cookie a page means when several partners' frames share the browser: it names partner and environment."""
    meta = request._request.META
    partner_id, environment = meta.get("HTTP_X_STICKER_PARTNER"), meta.get("HTTP_X_STICKER_ENVIRONMENT")
    if partner_id is None or environment is None:
        return None
    fields = {"partner_id": partner_id, "environment": environment}
    return cookies.cookie_name(shapes.read_uuid(fields, "partner_id"), shapes.read_environment(environment) or Environment.LIVE)


def with_cookie(redemption: redeem.Redemption, request: HttpRequest) -> redeem.Redemption:
    """Add the handle the page holds already, if the call proves that it comes from the page."""
    if request.META.get("HTTP_X_STICKER_EMBED") != "1" or "HTTP_ORIGIN" not in request.META:
        return redemption
    held = [cookies.read_cookie(request, name) for name in cookies.candidates(redemption.partner_id, redemption.environment)]
    return redemption.holding([handle for handle in held if handle])


def signed_in_response(signed_in: embed.SignedIn, *, is_memory: bool) -> HttpResponse:
    """Answer with the access token; the handle goes into the cookie, or into the body in memory mode."""
    session = signed_in.session
    answer = shapes.signed_in_answer(signed_in, refresh_handle=signed_in.handle.text if is_memory else None)
    response = json_response(answer)
    if not is_memory:
        name = cookies.cookie_name(session.partner_id, Environment(session.environment))
        cookies.set_cookie(response, name, signed_in.handle, max_age_seconds=int(session.expires_in))
    return response
