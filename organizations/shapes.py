"""What the bodies of the two setup calls may hold, and what is read out of them."""
# ruff: noqa: N815  # the newer form is camelCase on the wire

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers

from core.fields import StrictEmailField, validated
from core.strict_json import JsonObject
from organizations.address_shapes import AddressShape, PostalAddressShape
from organizations.addresses import PostalAddress
from organizations.details import MemberDetails, OrganizationDetails, PartnerSetupRequest, SetupRequest, UserDetails
from organizations.fields import (
    MAX_TOKEN_SECONDS,
    OPTIONAL,
    OPTIONAL_TEXT,
    ExternalIdField,
    LineField,
    StrictBooleanField,
    StrictIntegerField,
    TokenField,
)
from organizations.models import ProfileRole
from organizations.oauth.tokens import TokenSet

MAX_ADDRESSES: Final = 50
MAX_USERS: Final = 100
_STORED: Final = "Of your OAuth provider. Stored encrypted, used to keep the organization in sync, never given out."


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
    accessToken = TokenField(source="access_token", help_text=_STORED, **OPTIONAL_TEXT)
    refreshToken = TokenField(source="refresh_token", help_text=_STORED, **OPTIONAL_TEXT)
    accessTokenExpiresIn = StrictIntegerField(
        source="access_token_expires_in", min_value=0, max_value=MAX_TOKEN_SECONDS, help_text="Seconds.", **OPTIONAL
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
    access_token = TokenField(help_text=_STORED, **OPTIONAL_TEXT)


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
    shipping = fields.get("shipping_locations") or ()
    return SetupRequest(organization, details, _tokens(fields), (billing,) if billing else (), shipping)


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
    return PartnerSetupRequest(organization, given["addresses"], members, _tokens(fields))


def _tokens(fields: Mapping[str, Any]) -> TokenSet | None:
    access_token, refresh_token = fields.get("access_token"), fields.get("refresh_token") or None
    if access_token:
        return TokenSet(access_token, refresh_token, fields.get("access_token_expires_in"))
    # A refresh token alone gets its access token before the first sync.
    return TokenSet("", refresh_token, expires_in=0) if refresh_token else None
