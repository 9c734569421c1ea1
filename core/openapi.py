"""What the API document says of refusals: one description and one example for each, taken from the catalogue itself."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from core.errors import StickerError

_REQUEST_ID: Final = "0f4b6f0c3f0e4f6f8a1c2d3e4f5a6b7c"


class RefusedField(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="The path of the field in the body, for example user.email.")
    message = serializers.CharField()


class Refusal(serializers.Serializer[Any]):
    """The body of every refusal; `Accept: application/problem+json` gets RFC 9457 instead."""

    success = serializers.BooleanField(help_text="Always false.")
    error = serializers.CharField(help_text="A short title.")
    code = serializers.CharField(help_text="The name of the error in the catalogue.")
    message = serializers.CharField(help_text="What to do, for a person.")
    details = RefusedField(many=True)
    request_id = serializers.CharField()


def refusals(*errors: type[StickerError]) -> dict[int, OpenApiResponse]:
    """Document refusals, by status; those of one status share a description and keep an example each."""
    by_status: dict[int, list[type[StickerError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {status: _response(group) for status, group in sorted(by_status.items())}


def _response(errors: list[type[StickerError]]) -> OpenApiResponse:
    description = "\n\n".join(f"`{error.slug}`: {error.message}" for error in errors)
    return OpenApiResponse(Refusal, description=description, examples=[_example(error) for error in errors])


def _example(error: type[StickerError]) -> OpenApiExample:
    value = {
        "success": False,
        "error": error.title,
        "code": error.slug,
        "message": error.message,
        "details": [],
        "request_id": _REQUEST_ID,
    }
    return OpenApiExample(error.slug, value=value, response_only=True, status_codes=[str(error.status)])


def answer_header(name: str, description: str, *, statuses: list[int], kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    """Document a header of answers with one of these statuses."""
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=description, response=statuses)
