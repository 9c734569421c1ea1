"""What goes in and out where a credential is looked at or ended, for the API document."""

from typing import Any

from rest_framework import serializers

_HINTS = ("api_key", "access_token", "refresh_token", "session_token", "embed_session")


class TokenRevocationRequest(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="The credential: an API key, access token, refresh token, session token or handle.")
    token_type_hint = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text=f"One of {', '.join(_HINTS)}. Accepted and not needed: each kind is told by its form.",
    )


class IntrospectionRequest(TokenRevocationRequest):
    client_address = serializers.IPAddressField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="The address the credential came to you from. Without it a key that is bound to networks is not active.",
    )


class IntrospectionAnswer(serializers.Serializer[Any]):
    active = serializers.BooleanField(help_text="False, and nothing else, for whatever is not good or not for you to know.")
    credential = serializers.CharField(required=False, help_text="`player_token`, or one of the hints: which kind it is.")
    token_type = serializers.CharField(required=False, help_text="`Bearer` or `ApiKey`.")
    kind = serializers.CharField(required=False, help_text="Of an API key: `sk` or `ak`.")
    scope = serializers.CharField(required=False, help_text="Separated by spaces.")
    client_id = serializers.CharField(required=False)
    sub = serializers.CharField(required=False)
    aud = serializers.CharField(required=False)
    iss = serializers.CharField(required=False)
    jti = serializers.CharField(required=False)
    iat = serializers.IntegerField(required=False, help_text="Seconds since 1970.")
    exp = serializers.IntegerField(required=False, help_text="Seconds since 1970.")
    tenant = serializers.UUIDField(required=False, help_text="The partner's id.")
    env = serializers.CharField(required=False, help_text="`live` or `test`.")
    surface = serializers.CharField(required=False)
    sid = serializers.CharField(required=False, help_text="The session it belongs to.")
