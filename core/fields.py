"""Strict serializer fields: a number is not a text, and no text hides control characters."""

import unicodedata
from typing import Any, Final

from django.core.validators import EmailValidator
from rest_framework import serializers

from core.errors import FieldProblem, InvalidRequestError
from core.strict_json import JsonObject

_ALLOWED_CONTROLS: Final = frozenset("\t\n\r")


class StrictTextField(serializers.CharField):
    """Text that arrives as a JSON string, is trimmed, and holds no control character."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a text.", code="invalid")
        if any(unicodedata.category(char) == "Cc" and char not in _ALLOWED_CONTROLS for char in data):
            raise serializers.ValidationError("This contains a control character.", code="invalid")
        return str(super().to_internal_value(data))


class StrictEmailField(StrictTextField):
    """An e-mail address of at most 254 characters (RFC 5321 §4.5.3.1)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 254)
        super().__init__(**kwargs)
        self.validators.append(EmailValidator(message="This is not an e-mail address."))


def validated(serializer_class: type[serializers.Serializer[Any]], body: JsonObject) -> dict[str, Any]:
    """Check a body against a serializer.

    Raises: InvalidRequestError with one detail per wrong field, named by its path in the body.
    """
    serializer = serializer_class(data=body)
    if not serializer.is_valid():
        raise InvalidRequestError(reason="field", details=list(_problems(serializer.errors, "")))
    return dict(serializer.validated_data)


def _problems(errors: Any, path: str) -> list[FieldProblem]:
    if isinstance(errors, dict):
        return [problem for name, inner in errors.items() for problem in _problems(inner, _join(path, name))]
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return [problem for index, inner in enumerate(errors) for problem in _problems(inner, f"{path}[{index}]")]
    return [FieldProblem(path, str(error)) for error in errors]


def _join(path: str, name: str | int) -> str:
    if name == "non_field_errors":
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name
