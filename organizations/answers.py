"""What the two setup calls answer."""
# ruff: noqa: N815  # the newer form is camelCase on the wire

from typing import Any

from rest_framework import serializers

from core.responses import iso
from core.strict_json import JsonObject
from organizations.services.partner_setup import PartnerSetup
from organizations.services.setup import Setup


class SetupAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    organizationId = serializers.UUIDField()
    profileId = serializers.UUIDField()
    internalOrgId = serializers.CharField()
    internalUserId = serializers.CharField()
    organizationName = serializers.CharField()
    organizationCreated = serializers.BooleanField()
    environment = serializers.ChoiceField(["live", "test"])
    createdAt = serializers.DateTimeField(help_text="When the user was first set up.")


class PartnerProfile(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The organization's id.")
    organization_name = serializers.CharField()
    partner_org_id = serializers.CharField()
    email = serializers.CharField()
    created_at = serializers.DateTimeField()


class PartnerSetupAnswer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    action = serializers.ChoiceField(["created", "updated"])
    profile = PartnerProfile()
    users_created = serializers.IntegerField()
    addresses_created = serializers.IntegerField()


def setup_answer(setup: Setup) -> JsonObject:
    """The answer of the camelCase form."""
    organization, profile = setup.organization, setup.profile
    return {
        "success": True,
        "organizationId": str(organization.pk),
        "profileId": str(profile.pk),
        "internalOrgId": organization.external_id,
        "internalUserId": profile.external_id,
        "organizationName": organization.name,
        "organizationCreated": setup.is_new_organization,
        "environment": organization.environment,
        "createdAt": iso(profile.created_at),
    }


def partner_setup_answer(setup: PartnerSetup) -> JsonObject:
    """The answer of the snake_case form; its `profile` is the organization's."""
    organization = setup.organization
    return {
        "success": True,
        "action": "created" if setup.is_new_organization else "updated",
        "profile": {
            "id": str(organization.pk),
            "organization_name": organization.name,
            "partner_org_id": organization.external_id,
            "email": organization.email,
            "created_at": iso(organization.created_at),
        },
        "users_created": setup.users_created,
        "addresses_created": setup.addresses_created,
    }
