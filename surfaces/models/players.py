"""Who signs player tokens: a partner's issuers, their keys, what was fetched of their key sets, and single-use ids."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from core.principals import Environment
from partners.models import ENVIRONMENTS, Partner

MAX_LEEWAY_SECONDS = 60
MAX_LIFETIME_SECONDS = 7 * 24 * 3600
MAX_KID_CHARS = 128
DIGEST_BYTES = 32


class Algorithm(models.TextChoices):
    """The signatures a player token may have; each key has exactly one."""

    HS256 = "HS256", "HS256 (shared secret)"
    RS256 = "RS256", "RS256 (RSA)"
    ES256 = "ES256", "ES256 (P-256)"
    EDDSA = "EdDSA", "EdDSA (Ed25519)"


class KeySource(models.TextChoices):
    """Where an issuer's keys come from; one issuer has one source."""

    SECRET = "secret", "Shared secret"
    PUBLIC = "public", "Public keys"
    JWKS = "jwks", "Key set URL (JWKS)"


class JtiPolicy(models.TextChoices):
    """Whether a token's `jti` may be used once only."""

    OFF = "off", "Not looked at"
    EXCHANGE = "exchange", "Once for an exchange"
    ALWAYS = "always", "Once, wherever it is used"


class PlayerIssuer(models.Model):
    """A service of a partner that signs tokens for its players, as they must look to be accepted.

    `version` changes with the row and with its keys, so that what a process remembers is never used a moment too long. A
    partner's issuer and audience together name the environment: a token fits at most one row of a shop.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="player_issuers", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    name = models.CharField(max_length=120)
    iss = models.CharField(max_length=255, db_collation="C")
    audience = models.CharField(max_length=255, db_collation="C")
    algorithms = ArrayField(models.CharField(max_length=5, choices=Algorithm.choices))
    key_source = models.CharField(max_length=6, choices=KeySource.choices)
    jwks_url = models.CharField(max_length=2048, blank=True)
    leeway_seconds = models.PositiveSmallIntegerField(default=30)
    max_age_seconds = models.PositiveIntegerField(default=3600)
    jti_policy = models.CharField(max_length=8, choices=JtiPolicy.choices, default=JtiPolicy.OFF)
    subject_claim = models.CharField(max_length=128, default="sub")
    # Empty where the token does not say, or where it is not to be read.
    email_claim = models.CharField(max_length=128, blank=True, default="email")
    name_claim = models.CharField(max_length=128, blank=True, default="name")
    allows_profile_creation = models.BooleanField(default=False)
    # The partner's name for the organization that profiles made on first sight belong to.
    organization_external_id = models.CharField(max_length=128, default="players")
    version = models.BigIntegerField()
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "player issuer"
        default_permissions = ("view",)
        permissions = [
            ("manage_playerissuer", "Can register player issuers and change their keys"),
            ("stop_playerissuer", "Can disable player issuers and drop their keys"),
        ]
        constraints = [
            models.UniqueConstraint("partner", "iss", "audience", name="player_issuer_once"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="player_issuer_environment"),
            models.CheckConstraint(condition=~models.Q(iss="") & ~models.Q(audience=""), name="player_issuer_named"),
            models.CheckConstraint(condition=models.Q(key_source__in=KeySource.values), name="player_issuer_source_known"),
            models.CheckConstraint(condition=models.Q(jti_policy__in=JtiPolicy.values), name="player_issuer_jti_known"),
            models.CheckConstraint(
                condition=models.Q(algorithms__contained_by=Algorithm.values, algorithms__len__gte=1),
                name="player_issuer_algorithms",
            ),
            # A secret signs with HS256 and nothing else does: no public key can then be taken for a secret.
            models.CheckConstraint(
                condition=models.Q(key_source=KeySource.SECRET, algorithms=[Algorithm.HS256])
                | (~models.Q(key_source=KeySource.SECRET) & ~models.Q(algorithms__contains=[Algorithm.HS256])),
                name="player_issuer_secret_is_hs256",
            ),
            models.CheckConstraint(
                condition=models.Q(~models.Q(jwks_url=""), key_source=KeySource.JWKS)
                | models.Q(~models.Q(key_source=KeySource.JWKS), jwks_url=""),
                name="player_issuer_url_of_jwks",
            ),
            models.CheckConstraint(condition=models.Q(leeway_seconds__lte=MAX_LEEWAY_SECONDS), name="player_issuer_leeway"),
            models.CheckConstraint(
                condition=models.Q(max_age_seconds__gte=30, max_age_seconds__lte=MAX_LIFETIME_SECONDS),
                name="player_issuer_max_age",
            ),
            models.CheckConstraint(
                condition=~models.Q(subject_claim="") & ~models.Q(organization_external_id=""), name="player_issuer_mapped"
            ),
        ]
        indexes = [models.Index("iss", name="player_issuer_by_iss")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None


class PlayerKey(models.Model):
    """A key of an issuer that was given to us: a shared secret, sealed, or a public key as JWK. Kept after it is retired."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    issuer = models.ForeignKey(PlayerIssuer, on_delete=models.PROTECT, related_name="keys")
    # As tokens name it; empty where they name none.
    kid = models.CharField(max_length=MAX_KID_CHARS, blank=True, db_collation="C")
    algorithm = models.CharField(max_length=5, choices=Algorithm.choices)
    sealed = models.BinaryField(null=True)
    jwk = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.CharField(max_length=150, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                "issuer", "kid", name="player_key_kid_once", condition=models.Q(retired_at=None) & ~models.Q(kid="")
            ),
            models.CheckConstraint(
                condition=models.Q(algorithm=Algorithm.HS256, sealed__isnull=False, jwk__isnull=True)
                | models.Q(~models.Q(algorithm=Algorithm.HS256), sealed__isnull=True, jwk__isnull=False),
                name="player_key_is_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return self.kid or str(self.id)


class JwksCache(models.Model):
    """What was last fetched of an issuer's key set, who may fetch it next, and how that goes.

    `document` holds the usable keys in a form of ours. `lease` and `lease_until` let one process at a time fetch;
    `forced_at` bounds how often an unknown key id may cause a fetch. `version` changes with what may be verified with it.
    """

    issuer = models.OneToOneField(PlayerIssuer, on_delete=models.CASCADE, primary_key=True, related_name="jwks")
    version = models.BigIntegerField()
    document = models.JSONField(default=list)
    dropped_kids = ArrayField(models.CharField(max_length=MAX_KID_CHARS), default=list)
    fetched_at = models.DateTimeField(null=True)
    fresh_until = models.DateTimeField(null=True)
    usable_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    forced_at = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    failure = models.CharField(max_length=32, blank=True)
    alarmed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index("fresh_until", name="jwks_by_freshness")]

    def __str__(self) -> str:
        return f"key set of {self.issuer_id}"


class PlayerJti(models.Model):
    """A token id that was used, by its SHA-256, kept until the token it stood in has expired."""

    id = models.BigAutoField(primary_key=True)
    issuer = models.ForeignKey(PlayerIssuer, on_delete=models.CASCADE, db_index=False, related_name="+")
    digest = models.BinaryField(max_length=DIGEST_BYTES)
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint("issuer", "digest", name="player_jti_once"),
            models.CheckConstraint(condition=models.Q(digest__length=DIGEST_BYTES), name="player_jti_digest"),
        ]
        indexes = [models.Index("expires_at", name="player_jti_expiry")]

    def __str__(self) -> str:
        return f"used jti #{self.pk}"
