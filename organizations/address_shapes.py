"""What an address may hold, in either spelling of its fields."""
# ruff: noqa: N815  # the newer form is camelCase on the wire

from typing import Any, ClassVar

from rest_framework import serializers

from organizations.addresses import PostalAddress, UnknownStateError, normalised
from organizations.fields import OPTIONAL_TEXT, LineField


class PostalAddressShape(serializers.Serializer[Any]):
    """What both forms call an address; checked, it is a PostalAddress."""

    state_field: ClassVar[str] = "province"

    line1 = LineField(max_length=200)
    line2 = LineField(max_length=200, **OPTIONAL_TEXT)
    city = LineField(max_length=100)
    country = LineField(max_length=100, help_text="Absent: United States.", **OPTIONAL_TEXT)

    def validate(self, attrs: Any) -> Any:
        address = PostalAddress(
            line1=attrs["line1"],
            line2=attrs.get("line2") or "",
            city=attrs["city"],
            province=attrs["province"],
            postal_code=attrs["postal_code"],
            country=attrs.get("country") or "",
            is_primary=attrs.get("is_primary") or False,
        )
        try:
            return normalised(address)
        except UnknownStateError:
            message = "This is not a state of the United States. Name another country, or use a state's code or name."
            raise serializers.ValidationError({self.state_field: [message]}) from None


class AddressShape(PostalAddressShape):
    province = LineField(max_length=100, help_text="In the United States a state, by code or name; stored by code.")
    postalCode = LineField(max_length=20, source="postal_code")
