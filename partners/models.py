"""Partners, their contacts and origins, their API keys, and the small tables that serve them."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Length, Now
from django.utils import timezone

from core.credentials import KeyKind
from core.principals import Environment
from partners.querysets import ApiKeyQuerySet, KeyUsageQuerySet, PartnerQuerySet
from partners.scopes import ScopesField

ENVIRONMENTS = [(Environment.LIVE.value, "Live"), (Environment.TEST.value, "Test")]
HTTPS_ORIGIN = r"^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$"
LOCAL_ORIGIN = r"^http://(localhost|127\.0\.0\.1):[0-9]{1,5}$"

models.CharField.register_lookup(Length)
models.BinaryField.register_lookup(Length)


class PartnerStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"


class RevokeReason(models.TextChoices):
    """Why a key ended for good, after RFC 5280 §5.3.1."""

    COMPROMISE = "compromise", "Compromised"
    SUPERSEDED = "superseded", "Replaced by a newer key"
    AFFILIATION_CHANGED = "affiliation_changed", "Partner relationship changed"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn", "Access withdrawn"
    CESSATION = "cessation_of_operation", "No longer in use"


class KeyStatus(models.TextChoices):
    """What a key is right now, derived from its instants; the last three are final."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    GRACE = "grace", "In grace"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"
    COMPROMISED = "compromised", "Compromised"


def _at_least_one(limit: str) -> models.Q:
    return models.Q(**{limit: None}) | models.Q(**{f"{limit}__gte": 1})


class Partner(models.Model):
    """A company whose backend calls us. `auth_epoch` is compared on every use of what was derived from its keys."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=63, unique=True, help_text="The shop handle; part of URLs and headers.")
    status = models.CharField(max_length=9, choices=PartnerStatus.choices, default=PartnerStatus.ACTIVE)
    auth_epoch = models.PositiveIntegerField(default=0)
    setup_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: the default of 100.")
    handshake_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: the default of 300.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartnerQuerySet.as_manager()

    class Meta:
        default_permissions = ("add", "change", "view")
        permissions = [
            ("suspend_partner", "Can suspend and reactivate partners"),
            ("emergency_revoke_partner", "Can revoke everything of a partner at once"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(slug__regex=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"), name="partner_slug_form"
            ),
            models.CheckConstraint(condition=models.Q(status__in=PartnerStatus.values), name="partner_status_known"),
            models.CheckConstraint(condition=_at_least_one("setup_per_minute"), name="partner_setup_limit"),
            models.CheckConstraint(condition=_at_least_one("handshake_per_minute"), name="partner_handshake_limit"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        return self.status == PartnerStatus.ACTIVE


class PartnerOrigin(models.Model):
    """An exact origin that may frame the partner's embed page in one environment."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="origins")
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    origin = models.CharField(max_length=255)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint("partner", "environment", "origin", name="origin_once"),
            models.CheckConstraint(
                condition=models.Q(origin__regex=HTTPS_ORIGIN)
                | models.Q(environment=Environment.TEST.value, origin__regex=LOCAL_ORIGIN),
                name="origin_is_exact",
            ),
        ]

    def __str__(self) -> str:
        return self.origin


class ContactRole(models.TextChoices):
    TECHNICAL = "technical", "Technical"
    SECURITY = "security", "Security"
    BUSINESS = "business", "Business"


class PartnerContact(models.Model):
    """A person at the partner who is told about expiry and incidents."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=120)
    email = models.EmailField()
    role = models.CharField(max_length=9, choices=ContactRole.choices, default=ContactRole.TECHNICAL)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint("partner", "email", name="contact_once")]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """An API key: its public id, a keyed digest of it, its policy and its life. Rows are never deleted.

    A key costs under 260 bytes of disk with its indexes (docs/performance.md): hence the order of the columns, scopes as
    bits, nothing stored for what is empty, and no index that only a report would use.
    """

    id = models.BigAutoField(primary_key=True)
    # The id of generation 1.
    family_id = models.BigIntegerField(editable=False)
    scopes = ScopesField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)
    grace_until = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    setup_per_minute = models.PositiveIntegerField(null=True, blank=True)
    handshake_per_minute = models.PositiveIntegerField(null=True, blank=True)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="keys", db_index=False)
    pepper_id = models.PositiveSmallIntegerField()
    generation = models.PositiveSmallIntegerField(default=1)
    expiry_warned_days = models.PositiveSmallIntegerField(null=True, blank=True)
    is_imported = models.BooleanField(default=False)
    kid = models.CharField(max_length=12, db_collation="C")
    digest = models.BinaryField(max_length=32)
    kind = models.CharField(
        max_length=2, choices=[(KeyKind.SECRET.value, "Partner (sk)"), (KeyKind.SURFACE.value, "Surface (ak)")]
    )
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    name = models.CharField(max_length=120)
    networks = ArrayField(models.CharField(max_length=49), null=True, blank=True)
    created_by = models.CharField(max_length=150, blank=True)
    revoke_reason = models.CharField(max_length=32, choices=RevokeReason.choices, null=True, blank=True)
    last_used_network = models.CharField(max_length=49, null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"
        default_permissions = ("view",)
        permissions = [
            ("issue_apikey", "Can issue and import API keys"),
            ("rotate_apikey", "Can rotate, pause and resume API keys"),
            ("revoke_apikey", "Can revoke API keys"),
        ]
        indexes = [models.Index("partner", "environment", name="apikey_partner")]
        constraints = [
            models.CheckConstraint(condition=models.Q(digest__length=32), name="apikey_digest_length"),
            models.CheckConstraint(condition=models.Q(kid__regex=r"^[0-9A-Za-z]{12}$"), name="apikey_kid_form"),
            models.CheckConstraint(condition=models.Q(kind__in=list(KeyKind)), name="apikey_kind_known"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="apikey_environment_known"),
            models.CheckConstraint(condition=_at_least_one("setup_per_minute"), name="apikey_setup_limit"),
            models.CheckConstraint(condition=_at_least_one("handshake_per_minute"), name="apikey_handshake_limit"),
            models.CheckConstraint(
                condition=models.Q(revoked_at=None, revoke_reason=None)
                # A comparison with NULL is not false, so that `in` alone lets a missing reason pass.
                | models.Q(revoked_at__isnull=False, revoke_reason__isnull=False, revoke_reason__in=RevokeReason.values),
                name="apikey_revoked_with_reason",
            ),
            # As a constraint: `unique=True` brings a second index, for LIKE, that nothing here uses.
            models.UniqueConstraint("kid", name="apikey_kid_once"),
            # A key of ours is unique by its kid; one issued elsewhere is found, and unique, by its digest alone.
            models.UniqueConstraint("digest", name="apikey_imported_once", condition=models.Q(is_imported=True)),
            models.UniqueConstraint(
                "family_id", "generation", name="apikey_generation_once", condition=models.Q(generation__gt=1)
            ),
        ]

    def __str__(self) -> str:
        return self.kid

    @property
    def status(self) -> KeyStatus:
        """What the key is now by this machine's clock, for people to read; the database's clock decides requests."""
        now = timezone.now()
        if self.revoked_at:
            return KeyStatus.COMPROMISED if self.revoke_reason == RevokeReason.COMPROMISE else KeyStatus.REVOKED
        if any(end is not None and end <= now for end in (self.expires_at, self.grace_until)):
            return KeyStatus.EXPIRED
        if self.paused_at:
            return KeyStatus.PAUSED
        return KeyStatus.GRACE if self.grace_until else KeyStatus.ACTIVE

    @property
    def masked(self) -> str:
        return f"{self.kind}_{self.environment}_{self.kid}…"

    @property
    def family_query(self) -> models.Q:
        """All generations: the first by its id, the later ones by the partial index."""
        return models.Q(pk=self.family_id) | models.Q(family_id=self.family_id, generation__gt=1)


class KeyUsage(models.Model):
    """How often a key was used in one hour, by outcome; gathered in memory and added up here."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="usage")
    hour = models.DateTimeField()
    outcome = models.CharField(max_length=32)
    endpoint = models.CharField(max_length=64)
    network = models.CharField(max_length=49, blank=True)
    count = models.PositiveBigIntegerField()

    objects = KeyUsageQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint("key", "hour", "outcome", "endpoint", "network", name="usage_once")]
        indexes = [models.Index("hour", name="usage_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h {self.outcome}"


class RateLimitState(models.Model):
    """One bucket of the rate limiter: the instant, in seconds since 1970, at which it is full again."""

    bucket = models.CharField(max_length=128, primary_key=True, db_collation="C")
    tat = models.FloatField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.bucket


class IdempotencyRecord(models.Model):
    """The first answer given to an `Idempotency-Key`, so that a retry gets it again; it never holds a secret."""

    id = models.BigAutoField(primary_key=True)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    operation = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint("partner", "environment", "operation", "key", name="idempotency_once")]
        indexes = [models.Index("created_at", name="idempotency_age")]

    def __str__(self) -> str:
        return f"{self.operation} {self.created_at:%Y-%m-%d %H:%M}"
