"""What the bodies of the two setup calls may hold, and what is read out of them."""
# ruff: noqa: N815  # the newer form is camelCase on the wire

from typing import Any, ClassVar, Final

from rest_framework import serializers

from core.fields import StrictEmailField, StrictTextField, validated
from core.strict_json import JsonObject
from organizations.addresses import PostalAddress, UnknownStateError, normalised
from organizations.details import MemberDetails, OrganizationDetails, PartnerSetupRequest, SetupRequest, UserDetails
from organizations.fields import OPTIONAL, OPTIONAL_TEXT, ExternalIdField, LineField, StrictBooleanField, StrictIntegerField
from organizations.models import ProfileRole

MAX_ADDRESSES: Final = 50
MAX_USERS: Final = 100
MAX_ACCESS_TOKEN_CHARS: Final = 8192
MAX_ACCESS_TOKEN_SECONDS: Final = 10 * 365 * 86_400


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


class SetupUser(serializers.Serializer[Any]):
    firstName = LineField(max_length=100, source="first_name")
    lastName = LineField(max_length=100, source="last_name")
    email = StrictEmailField()
    phoneNumber = LineField(max_length=32, source="phone", **OPTIONAL_TEXT)


class OrganizationSetup(serializers.Serializer[Any]):
    """The body of `POST /v1/organizations/setup`."""

    internalOrgId = ExternalIdField(source="internal_org_id", help_text="Your own name for the organization.")
    organizationName = LineField(max_length=200, source="organization_name")
    internalUserId = ExternalIdField(source="internal_user_id", help_text="Your own name for the user.")
    user = SetupUser()
    userAddress = AddressShape(source="user_address", **OPTIONAL)
    shippingLocations: Any = serializers.ListSerializer(
        child=AddressShape(), source="shipping_locations", max_length=MAX_ADDRESSES, **OPTIONAL
    )
    billingAddress = AddressShape(source="billing_address", **OPTIONAL)
    organizationEmail = StrictEmailField(source="organization_email", **OPTIONAL_TEXT)
    organizationPhone = LineField(max_length=32, source="organization_phone", **OPTIONAL_TEXT)
    accessToken = StrictTextField(
        source="access_token", max_length=MAX_ACCESS_TOKEN_CHARS, help_text="Checked, and not stored.", **OPTIONAL_TEXT
    )
    refreshToken = StrictTextField(
        source="refresh_token", max_length=MAX_ACCESS_TOKEN_CHARS, help_text="Checked, and not stored.", **OPTIONAL_TEXT
    )
    accessTokenExpiresIn = StrictIntegerField(
        source="access_token_expires_in", min_value=0, max_value=MAX_ACCESS_TOKEN_SECONDS, help_text="Seconds.", **OPTIONAL
    )


class SiteShape(PostalAddressShape):
    state_field = "state"

    state = LineField(max_length=100, source="province", help_text="In the United States a state, by code or name.")
    zip = LineField(max_length=20, source="postal_code")
    is_primary = StrictBooleanField(help_text="At most one; absent everywhere: the first.", **OPTIONAL)


class PartnerOrganization(serializers.Serializer[Any]):
    name = LineField(max_length=200)
    email = StrictEmailField()
    phone = LineField(max_length=32, **OPTIONAL_TEXT)
    addresses: Any = serializers.ListSerializer(child=SiteShape(), allow_empty=False, max_length=MAX_ADDRESSES)

    def validate_addresses(self, sites: list[PostalAddress]) -> list[PostalAddress]:
        primary = [position for position, site in enumerate(sites) if site.is_primary]
        if len(primary) > 1:
            problem = {"is_primary": ["Only one address can be the primary one."]}
            raise serializers.ValidationError([problem if n in primary[1:] else {} for n in range(len(sites))])
        return sites


class Member(serializers.Serializer[Any]):
    email = StrictEmailField()
    first_name = LineField(max_length=100)
    last_name = LineField(max_length=100)
    role = serializers.ChoiceField(
        ProfileRole.choices, error_messages={"invalid_choice": "Use 'admin' or 'member'."}, **OPTIONAL
    )


class PartnerOrganizationSetup(serializers.Serializer[Any]):
    """The body of `POST /v1/partner/organization-setup`."""

    partner_org_id = ExternalIdField(help_text="Your own name for the organization.")
    organization = PartnerOrganization()
    users: Any = serializers.ListSerializer(child=Member(), allow_empty=False, max_length=MAX_USERS)
    access_token = StrictTextField(max_length=MAX_ACCESS_TOKEN_CHARS, help_text="Checked, and not stored.", **OPTIONAL_TEXT)


def setup_request(body: JsonObject) -> SetupRequest:
    """Read the body of the camelCase form.

    Raises: InvalidRequestError naming each wrong field by its path.
    """
    fields = validated(OrganizationSetup, body)
    user = fields["user"]
    organization = OrganizationDetails(
        external_id=fields["internal_org_id"],
        name=fields["organization_name"],
        email=fields.get("organization_email") or "",
        phone=fields.get("organization_phone") or "",
    )
    details = UserDetails(
        external_id=fields["internal_user_id"],
        first_name=user["first_name"],
        last_name=user["last_name"],
        email=user["email"],
        phone=user.get("phone") or "",
        address=fields.get("user_address"),
    )
    billing = fields.get("billing_address")
    return SetupRequest(organization, details, (billing,) if billing else (), fields.get("shipping_locations") or ())


def partner_setup_request(body: JsonObject) -> PartnerSetupRequest:
    """Read the body of the snake_case form.

    Raises: InvalidRequestError naming each wrong field by its path.
    """
    fields = validated(PartnerOrganizationSetup, body)
    given = fields["organization"]
    organization = OrganizationDetails(fields["partner_org_id"], given["name"], given["email"], given.get("phone") or "")
    members = [
        MemberDetails(
            email=user["email"],
            first_name=user["first_name"],
            last_name=user["last_name"],
            role=ProfileRole(user.get("role") or ProfileRole.MEMBER),
        )
        for user in fields["users"]
    ]
    return PartnerSetupRequest(organization, given["addresses"], members)
