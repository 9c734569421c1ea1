"""The kinds of values a setup call holds, each no more forgiving than its contract."""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers

from core.fields import StrictTextField

OPTIONAL: Final[Mapping[str, Any]] = {"required": False, "allow_null": True}
OPTIONAL_TEXT: Final[Mapping[str, Any]] = {**OPTIONAL, "allow_blank": True}
MAX_TOKEN_CHARS: Final = 8192
MAX_TOKEN_SECONDS: Final = 10 * 365 * 86_400
_LINE_ENDS: Final = frozenset("\t\n\r\u2028\u2029")


class LineField(StrictTextField):
    """Text of one line in which something can be seen: a name, a street. Joiners inside of names are part of them."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not _LINE_ENDS.isdisjoint(text):
            raise serializers.ValidationError("This must be a single line.", code="invalid")
        if text and all(unicodedata.category(char) in ("Cf", "Zs") for char in text):
            self.fail("blank")
        return text


class ExternalIdField(LineField):
    """The partner's own name for something: 1 to 128 printable characters, compared exactly, spaces at its ends dropped."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=128, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.isprintable():
            raise serializers.ValidationError("This contains a character that cannot be seen.", code="invalid")
        return text


class TokenField(StrictTextField):
    """A token as it stands in a header: visible ASCII, at most 8192 characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_TOKEN_CHARS, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.isascii() or not text.isprintable() or " " in text:
            raise serializers.ValidationError(
                "This is not a token: it holds something else than visible ASCII.", code="invalid"
            )
        return text


class StrictBooleanField(serializers.BooleanField):
    """true or false, and no text or number that resembles them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("This must be true or false.", code="invalid")
        return data


class StrictIntegerField(serializers.IntegerField):
    """A whole JSON number, and no text that holds one."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise serializers.ValidationError("This must be a whole number.", code="invalid")
        return data
