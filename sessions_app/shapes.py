"""The wire shapes of the handshake, of redemption and of the embed session, and how their bodies are read.

The hot endpoints read their few fields by hand: a serializer costs as much as the database does. The serializer classes
here describe the same shapes for the API document.
"""

import re
from typing import Any, Final
from uuid import UUID

from rest_framework import serializers

from core.credentials import is_session_token
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Environment
from core.strict_json import JsonObject
from sessions_app.services.embed import LiveSession, SignedIn
from sessions_app.services.handshake import ByOrganization, ByProfile, ByUser, Handshake, NewSession
from sessions_app.services.redeem import Redemption
from sessions_app.services.status import SessionStatus

_REDEEM_ID: Final = re.compile(r"[0-9A-Za-z_-]{16,64}", re.ASCII)
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}", re.ASCII)


class HandshakeUser(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    first_name = serializers.CharField(max_length=100, required=False)
    last_name = serializers.CharField(max_length=100, required=False)


class HandshakeRequest(serializers.Serializer[Any]):
    internal_user_id = serializers.CharField(max_length=128, required=False)
    profile_id = serializers.UUIDField(required=False)
    partner_org_id = serializers.CharField(max_length=128, required=False)
    user = HandshakeUser(required=False)
    supersede = serializers.BooleanField(required=False, help_text="End this user's other tokens that nobody redeemed yet.")


class SessionProfile(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.EmailField()


class HandshakeAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    session_key = serializers.RegexField(r"^[0-9a-f]{64}$")
    iframe_embed_url = serializers.URLField()
    iframe_url = serializers.URLField()
    expires_at = serializers.DateTimeField()
    expires_in = serializers.IntegerField()
    is_used = serializers.BooleanField()
    session_id = serializers.UUIDField()
    profile = SessionProfile()
    partner_org_id = serializers.CharField()


class RedeemRequest(serializers.Serializer[Any]):
    session_key = serializers.RegexField(r"^[0-9a-f]{64}$")
    partner_id = serializers.UUIDField()
    redeem_id = serializers.RegexField(r"^[0-9A-Za-z_-]{16,64}$", help_text="128 random bits made by the page.")
    environment = serializers.ChoiceField(["live", "test"], required=False)
    mode = serializers.ChoiceField(["cookie", "memory"], required=False)


class RefreshRequest(serializers.Serializer[Any]):
    refresh_handle = serializers.CharField(required=False, help_text="Memory mode only; otherwise the cookie.")


class SessionFacts(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    expires_at = serializers.DateTimeField()
    expires_in = serializers.IntegerField()
    idle_seconds = serializers.IntegerField()


class SignedInAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()
    refresh_handle = serializers.CharField(required=False)
    session = SessionFacts()
    profile = SessionProfile()


class CurrentAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    session = SessionFacts()
    profile = SessionProfile()


class StatusAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    session_id = serializers.UUIDField()
    status = serializers.ChoiceField(["issued", "redeemed", "expired", "revoked", "superseded"])
    is_used = serializers.BooleanField()
    profile_id = serializers.UUIDField()
    internal_user_id = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    redeemed_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    last_seen_at = serializers.DateTimeField(allow_null=True)


def read_handshake(body: JsonObject) -> Handshake:
    """Read a handshake: exactly one way of naming the user.

    Raises: InvalidRequestError.
    """
    given = [name for name in ("internal_user_id", "profile_id", "partner_org_id") if body.get(name) is not None]
    if len(given) != 1:
        message = "Name the user once: internal_user_id, or profile_id, or partner_org_id with user."
        raise InvalidRequestError(message, reason="identifiers", details=[FieldProblem(name, message) for name in given])
    supersedes = body.get("supersede", False)
    if not isinstance(supersedes, bool):
        raise _wrong("supersede", "This must be true or false.")
    return Handshake(_read_who(given[0], body), supersedes)


def _read_who(name: str, body: JsonObject) -> ByUser | ByProfile | ByOrganization:
    if name == "internal_user_id":
        return ByUser(_text(body, name, most=128))
    if name == "profile_id":
        return ByProfile(read_uuid(body, name))
    user = body.get("user")
    if not isinstance(user, dict):
        raise _wrong("user", "This must be an object with an email.")
    return ByOrganization(
        _text(body, name, most=128),
        _text(user, "email", most=254, path="user."),
        _name(user, "first_name"),
        _name(user, "last_name"),
    )


def read_redemption(body: JsonObject) -> Redemption:
    """Read a redemption.

    Raises: InvalidRequestError.
    """
    session_key = _text(body, "session_key", most=64)
    if not is_session_token(session_key):
        raise _wrong("session_key", "This must be 64 lower-case hex characters.")
    redeem_id = _text(body, "redeem_id", most=64)
    if not _REDEEM_ID.fullmatch(redeem_id):
        raise _wrong("redeem_id", "This must be 16 to 64 letters, digits, hyphens or underscores.")
    return Redemption(session_key, redeem_id, read_uuid(body, "partner_id"), read_environment(body.get("environment")))


def read_environment(value: object) -> Environment | None:
    """Read an optional environment name.

    Raises: InvalidRequestError.
    """
    if value is None:
        return None
    if value not in ("live", "test"):
        raise _wrong("environment", "This must be 'live' or 'test'.")
    return Environment(str(value))


def is_memory_mode(body: JsonObject) -> bool:
    """Tell whether the page wants the handle in the answer, because its browser drops the cookie.

    Raises: InvalidRequestError.
    """
    mode = body.get("mode", "cookie")
    if mode not in ("cookie", "memory"):
        raise _wrong("mode", "This must be 'cookie' or 'memory'.")
    return bool(mode == "memory")


def idempotency_refused() -> InvalidRequestError:
    """Why the handshake takes no Idempotency-Key."""
    message = "The handshake takes no Idempotency-Key: its answer is a secret that is never stored. Just ask again."
    return InvalidRequestError(message, reason="idempotency_key", details=[FieldProblem("Idempotency-Key", message)])


def handshake_answer(session: NewSession, *, embed_url: str, expires_in: int) -> dict[str, object]:
    """The answer of the handshake; the token stands in the fragment, which no server, log or referrer ever sees."""
    return {
        "success": True,
        "session_key": session.session_key,
        "iframe_embed_url": f"{embed_url}#session_key={session.session_key}",
        "iframe_url": embed_url,
        "expires_at": session.expires_at,
        "expires_in": expires_in,
        "is_used": False,
        "session_id": session.session_id,
        "profile": {
            "id": session.profile_id,
            "first_name": session.first_name,
            "last_name": session.last_name,
            "email": session.email,
        },
        "partner_org_id": session.partner_org_id,
    }


def signed_in_answer(signed_in: SignedIn, *, refresh_handle: str | None) -> dict[str, object]:
    """The answer of redeem and refresh."""
    answer = {
        "success": True,
        "access_token": signed_in.access_token,
        "token_type": "Bearer",
        "expires_in": signed_in.access_token_seconds,
        **session_facts(signed_in.session),
    }
    return answer | {"refresh_handle": refresh_handle} if refresh_handle else answer


def session_facts(session: LiveSession) -> dict[str, object]:
    """A live session and its user."""
    return {
        "session": {
            "id": session.token_id,
            "expires_at": session.expires_at,
            "expires_in": int(session.expires_in),
            "idle_seconds": int(session.idle_in),
        },
        "profile": {
            "id": session.profile_id,
            "first_name": session.first_name,
            "last_name": session.last_name,
            "email": session.email,
        },
    }


def status_answer(status: SessionStatus) -> dict[str, object]:
    """The answer of `GET /v1/sessions/{id}`."""
    return {
        "success": True,
        "session_id": status.id,
        "status": status.state,
        "is_used": status.redeemed_at is not None,
        "profile_id": status.profile_id,
        "internal_user_id": status.internal_user_id,
        "created_at": status.created_at,
        "expires_at": status.expires_at,
        "redeemed_at": status.redeemed_at,
        "ended_at": status.ended_at,
        "last_seen_at": status.last_seen_at,
    }


def _text(body: JsonObject, name: str, *, most: int, path: str = "") -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise _wrong(path + name, "This must be a text.")
    value = value.strip()
    if not 1 <= len(value) <= most or not value.isprintable():
        raise _wrong(path + name, f"This must have 1 to {most} printable characters.")
    return value


def _name(user: JsonObject, name: str) -> str | None:
    # A name may hold joiners and no-break spaces, which `isprintable` refuses in an id.
    value = user.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= 100 or _UNSEEN.search(value):
        raise _wrong(f"user.{name}", "This must be a text of 1 to 100 characters on one line.")
    return value.strip()


def read_uuid(body: JsonObject, name: str) -> UUID:
    """Read one UUID of a body.

    Raises: InvalidRequestError.
    """
    value = body.get(name)
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise _wrong(name, "This must be a UUID.")
    return UUID(value)


def _wrong(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(reason="field", details=[FieldProblem(field, message)])
