"""Organizations, profiles and addresses; each belongs to one partner and one environment and is never merged by e-mail."""

import uuid

from django.db import models
from django.db.models.functions import Lower, Now

from core.principals import Environment
from organizations.querysets import OrganizationQuerySet, ProfileQuerySet
from partners.models import ENVIRONMENTS, Partner


class Organization(models.Model):
    """A customer company of a partner. `external_id` is the partner's own name for it, in either setup form."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="organizations")
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    external_id = models.CharField(max_length=128, db_collation="C")
    name = models.CharField(max_length=200)
    email = models.CharField(max_length=254, blank=True)
    phone = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint("partner", "environment", "external_id", name="organization_once"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="organization_environment"),
            models.CheckConstraint(condition=~models.Q(external_id=""), name="organization_external_id_given"),
        ]

    def __str__(self) -> str:
        return self.name


class ProfileRole(models.TextChoices):
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"


class Profile(models.Model):
    """A user of an organization. `auth_epoch` is compared on every use of a session; raising it ends them all.

    Partner and environment repeat the organization's, so that constraints and hot statements need no join.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="profiles")
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="profiles")
    external_id = models.CharField(max_length=128, null=True, blank=True, db_collation="C")
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.CharField(max_length=254)
    phone = models.CharField(max_length=32, blank=True)
    role = models.CharField(max_length=6, choices=ProfileRole.choices, default=ProfileRole.MEMBER)
    auth_epoch = models.PositiveIntegerField(default=0)
    removed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ProfileQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                "partner", "environment", "external_id", name="profile_once", condition=models.Q(external_id__isnull=False)
            ),
            # Users of the older setup form have no external id: they are one per e-mail within their organization.
            models.UniqueConstraint(
                "organization", Lower("email"), name="profile_email_once", condition=models.Q(external_id=None)
            ),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="profile_environment"),
            models.CheckConstraint(condition=models.Q(role__in=ProfileRole.values), name="profile_role_known"),
            models.CheckConstraint(
                condition=models.Q(external_id=None) | ~models.Q(external_id=""), name="profile_external_id_given"
            ),
        ]
        indexes = [models.Index("organization", Lower("email"), name="profile_by_email")]

    def __str__(self) -> str:
        return str(self.id)


class AddressKind(models.TextChoices):
    USER = "user", "User"
    SHIPPING = "shipping", "Shipping"
    BILLING = "billing", "Billing"
    SITE = "site", "Site"


class Address(models.Model):
    """A postal address of an organization, or of one of its users. US states are stored by their code."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="addresses")
    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, null=True, blank=True, related_name="addresses")
    kind = models.CharField(max_length=8, choices=AddressKind.choices)
    line1 = models.CharField(max_length=200)
    line2 = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100)
    province = models.CharField(max_length=100)
    postal_code = models.CharField(max_length=20)
    country = models.CharField(max_length=100)
    is_primary = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint("organization", name="address_one_primary", condition=models.Q(is_primary=True)),
            models.CheckConstraint(condition=models.Q(kind__in=AddressKind.values), name="address_kind_known"),
            models.CheckConstraint(
                condition=models.Q(kind=AddressKind.USER, profile__isnull=False)
                | models.Q(~models.Q(kind=AddressKind.USER), profile=None),
                name="address_of_user_has_profile",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} address of {self.organization_id}"
