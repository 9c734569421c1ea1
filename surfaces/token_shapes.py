"""What goes in and out where tokens are asked for."""

import re
from typing import Any, Final

from rest_framework import serializers

from core.errors import FieldProblem, InvalidRequestError
from core.strict_json import JsonObject
from surfaces.passwords import MAX_PASSWORD_CHARS
from surfaces.services.login_sessions import SignedIn
from surfaces.services.logins import Credentials
from surfaces.tenants import WantedTenant
from surfaces.tokens import AccessToken

MAX_EMAIL_CHARS: Final = 254
DEFAULT_REGION: Final = "TR"
_REGION: Final = re.compile(r"[A-Za-z]{2}(?:[-_][A-Za-z]{2,4})?", re.ASCII)
_JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a name
SUBJECT_TOKEN_TYPES: Final = (_JWT, ACCESS_TOKEN_TYPE, "urn:ietf:params:oauth:token-type:id_token")


class LoginRequest(serializers.Serializer[Any]):
    Email = serializers.CharField(max_length=MAX_EMAIL_CHARS)
    Password = serializers.CharField(max_length=MAX_PASSWORD_CHARS)
    callbackData = serializers.JSONField(required=False, help_text="Anything; the answer has it again.")  # noqa: N815


class LoginData(serializers.Serializer[Any]):
    Token = serializers.CharField()
    Expiration = serializers.DateTimeField()
    callbackData = serializers.JSONField()  # noqa: N815


class LoginAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    data: Any = LoginData()


class CustomerLoginData(LoginData):
    RefreshToken = serializers.CharField()
    RefreshExpiration = serializers.DateTimeField()


class CustomerLoginAnswer(LoginAnswer):
    data: Any = CustomerLoginData()


class ClientTokenRequest(serializers.Serializer[Any]):
    grant_type = serializers.ChoiceField(choices=["client_credentials"], required=False)
    client_id = serializers.CharField(required=False, help_text="Here, or by HTTP Basic.")
    client_secret = serializers.CharField(required=False, help_text="Here, or by HTTP Basic.")
    scope = serializers.CharField(required=False, help_text="Separated by spaces; left out, all that the client has.")


class TokenAnswer(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()
    scope = serializers.CharField()


class StorefrontTokenRequest(serializers.Serializer[Any]):
    grant_type = serializers.ChoiceField(choices=["urn:ietf:params:oauth:grant-type:token-exchange", "refresh_token"])
    subject_token = serializers.CharField(required=False, help_text="The player token, for an exchange.")
    subject_token_type = serializers.ChoiceField(choices=list(SUBJECT_TOKEN_TYPES), required=False)
    requested_token_type = serializers.ChoiceField(choices=[ACCESS_TOKEN_TYPE], required=False)
    refresh_token = serializers.CharField(required=False, help_text="For a refresh; the answer brings the next one.")
    scope = serializers.CharField(required=False)


class StorefrontTokenAnswer(TokenAnswer):
    issued_token_type = serializers.CharField(required=False, help_text="With an exchange.")
    refresh_token = serializers.CharField(required=False, help_text="With a refresh.")


class LogoutRequest(serializers.Serializer[Any]):
    refresh_token = serializers.CharField(required=False, help_text="Instead of an access token in the header.")


def read_credentials(body: JsonObject, *, tenant: WantedTenant) -> Credentials:
    """Read a login.

    Raises: InvalidRequestError naming each wrong field.
    """
    limits = {"Email": MAX_EMAIL_CHARS, "Password": MAX_PASSWORD_CHARS}
    problems = [
        FieldProblem(name, f"This must be a text of 1 to {most} characters.")
        for name, most in limits.items()
        if not isinstance(body.get(name), str) or not 1 <= len(body[name].strip()) <= most
    ]
    if problems:
        raise InvalidRequestError(reason="field", details=problems)
    return Credentials(body["Email"].strip(), body["Password"], tenant)


def read_region(header: str) -> str:
    """Read `h-region-code`.

    Raises: InvalidRequestError unless it is a country code, alone or behind a language.
    """
    text = header.strip() or DEFAULT_REGION
    if not _REGION.fullmatch(text):
        detail = FieldProblem("h-region-code", "This must be a code of two letters, for example TR.")
        raise InvalidRequestError(reason="field", details=[detail])
    return text.upper()


def login_answer(token: AccessToken, body: JsonObject) -> dict[str, object]:
    """The data of a login's answer, in the published form."""
    return {"Token": token.text, "Expiration": token.expires_at, "callbackData": body.get("callbackData")}


def customer_login_answer(signed_in: SignedIn, body: JsonObject) -> dict[str, object]:
    """The same for a customer, with what lets them stay signed in."""
    return {
        **login_answer(signed_in.token, body),
        "RefreshToken": signed_in.refresh_token,
        "RefreshExpiration": signed_in.refresh_expires_at,
    }


def token_answer(token: AccessToken) -> dict[str, object]:
    """A successful answer of RFC 6749 §5.1."""
    return {"access_token": token.text, "token_type": "Bearer", "expires_in": token.expires_in, "scope": token.scope}


def storefront_token_answer(signed_in: SignedIn) -> dict[str, object]:
    """The same for Storefront: with the next refresh token, or with what RFC 8693 §2.2.1 adds to an exchange."""
    answer = token_answer(signed_in.token)
    if signed_in.refresh_token is None:
        return {**answer, "issued_token_type": ACCESS_TOKEN_TYPE}
    return {**answer, "refresh_token": signed_in.refresh_token}
