"""What goes in and out where a leak is reported."""

from typing import Any, Final

from rest_framework import serializers

from core.fields import StrictTextField
from surfaces.leaks.github import MAX_TOKEN_CHARS

# The same to everyone, whatever was found: a finder is told nothing.
RECEIVED: Final = {
    "success": True,
    "message": "Thank you. If this is a credential of ours, it no longer works, and its owner is told.",
}


class LeakReport(serializers.Serializer[Any]):
    credential = StrictTextField(
        max_length=MAX_TOKEN_CHARS, help_text="The whole key, token, handle or client secret that was found."
    )
    url = StrictTextField(
        max_length=2048, default="", allow_blank=True, help_text="Where it was found. The first 500 characters are kept."
    )
    comment = StrictTextField(
        max_length=2048, default="", allow_blank=True, help_text="Anything else. The first 500 characters are kept."
    )


class LeakReceived(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField(help_text="The same, whatever was found.")


class GithubFinding(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=MAX_TOKEN_CHARS)
    type = serializers.CharField(max_length=255, help_text="The name of our pattern at GitHub.")
    url = serializers.CharField(required=False, allow_null=True, help_text="Where it stands for all to see.")
    # The stubs know `source` and `label` as attributes of a field; here they are names of members.
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, allow_null=True, help_text="What kind of place that is."
    )


class GithubLabel(serializers.Serializer[Any]):
    token_hash = serializers.CharField(help_text="SHA-256 of the token, in hexadecimal.")
    token_type = serializers.CharField(help_text="As it was sent.")
    label = serializers.ChoiceField(["true_positive", "false_positive"])  # type: ignore[assignment]
