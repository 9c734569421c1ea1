"""The wire shapes of the key's own endpoints."""

from typing import Any

from rest_framework import serializers

from core.fields import StrictTextField
from core.principals import Principal
from partners.models import ApiKey, RevokeReason
from partners.scopes import Scope
from partners.services.keys import Overlap
from partners.services.own_key import RotatedKey as RotationOutcome


class WhoAmIPartner(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class WhoAmIKey(serializers.Serializer[Any]):
    kid = serializers.CharField()
    kind = serializers.ChoiceField(["sk", "ak"])
    scopes = serializers.ListField(child=serializers.ChoiceField([scope.value for scope in Scope]))
    expires_at = serializers.DateTimeField(allow_null=True)


class WhoAmI(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    environment = serializers.ChoiceField(["live", "test"])
    partner = WhoAmIPartner()
    key = WhoAmIKey()
    address = serializers.CharField(allow_null=True)


class OwnKey(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    kid = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(["sk", "ak"])
    environment = serializers.ChoiceField(["live", "test"])
    status = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    networks = serializers.ListField(child=serializers.CharField())
    generation = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    grace_until = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    successor = serializers.CharField(allow_null=True)


class Rotate(serializers.Serializer[Any]):
    overlap = serializers.ChoiceField(
        [each.value for each in Overlap],
        default=Overlap.DAY.value,
        error_messages={"invalid_choice": f"Use one of: {', '.join(Overlap)}."},
    )
    reason = StrictTextField(max_length=500, default="", allow_blank=True)


class RotatedKey(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    kid = serializers.CharField()
    key = serializers.CharField(allow_null=True, help_text="Shown once; null when an Idempotency-Key is repeated.")
    generation = serializers.IntegerField()
    expires_at = serializers.DateTimeField(allow_null=True)
    previous = serializers.CharField()
    previous_works_until = serializers.DateTimeField()


class Revoke(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(
        RevokeReason.choices,
        default=RevokeReason.CESSATION.value,
        error_messages={"invalid_choice": f"Use one of: {', '.join(RevokeReason.values)}."},
    )
    comment = StrictTextField(max_length=500, default="", allow_blank=True)


class RevokedKeys(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    kid = serializers.CharField()
    revoked = serializers.ListField(child=serializers.CharField())


def who_am_i(principal: Principal, address: str | None) -> dict[str, object]:
    """The answer of `GET /v1/whoami`."""
    return {
        "success": True,
        "environment": principal.environment.value,
        "partner": {"id": principal.partner_id, "slug": principal.partner_slug, "name": principal.partner_name},
        "key": {
            "kid": principal.kid,
            "kind": principal.kind,
            "scopes": sorted(principal.scopes),
            "expires_at": principal.expires_at,
        },
        "address": address,
    }


def own_key(key: ApiKey) -> dict[str, object]:
    """The answer of `GET /v1/keys/self`."""
    successor = ApiKey.objects.in_family(key).filter(generation__gt=key.generation).unrevoked().order_by("-generation").first()
    return {
        "success": True,
        "kid": key.kid,
        "name": key.name,
        "kind": key.kind,
        "environment": key.environment,
        "status": key.status.value,
        "scopes": [scope.value for scope in key.scopes],
        "networks": key.networks or [],
        "generation": key.generation,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "grace_until": key.grace_until,
        "last_used_at": key.last_used_at,
        "successor": successor.kid if successor else None,
    }


def rotated_key(rotated: RotationOutcome) -> dict[str, object]:
    """The answer of `POST /v1/keys/self/rotate`."""
    return {
        "success": True,
        "kid": rotated.key.kid,
        "key": rotated.plaintext,
        "generation": rotated.key.generation,
        "expires_at": rotated.key.expires_at,
        "previous": rotated.previous_kid,
        "previous_works_until": rotated.previous_works_until,
    }
