"""A partner's OAuth provider, what each organization granted us there, and links for users to grant it."""

import uuid
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Length, Now

from core.principals import Environment
from organizations.models.organizations import Organization
from organizations.querysets import GrantQuerySet, ProviderQuerySet
from partners.models import ENVIRONMENTS, Partner

MAX_URL_CHARS = 2048
MIN_INTERVAL_SECONDS = 60
MAX_INTERVAL_SECONDS = 30 * 86_400
DIGEST_BYTES = 32
MAX_LINK_LIFE = timedelta(days=1)

models.BinaryField.register_lookup(Length)


class ClientAuthentication(models.TextChoices):
    """How we prove ourselves to a token endpoint (RFC 6749 §2.3.1)."""

    BASIC = "basic", "HTTP Basic"
    POST = "post", "In the body"


class RefreshOwner(models.TextChoices):
    """Who may use a refresh token: one that rotates has one owner."""

    US = "us", "We refresh"
    PARTNER = "partner", "The partner refreshes and brings new tokens"


class OAuthProvider(models.Model):
    """Where a partner's organizations are kept in one environment, and how we present ourselves there.

    `field_names` says what the provider calls our fields. `misconfigured_at` stands while the provider refuses our client:
    nothing is asked of it then but one grant an hour (`probe_at`), and `is_mailed` says whether the partner was written to.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="oauth_providers", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    issuer = models.CharField(max_length=MAX_URL_CHARS, blank=True)
    metadata_url = models.CharField(max_length=MAX_URL_CHARS, blank=True)
    authorization_url = models.CharField(max_length=MAX_URL_CHARS, blank=True)
    token_url = models.CharField(max_length=MAX_URL_CHARS)
    revocation_url = models.CharField(max_length=MAX_URL_CHARS, blank=True)
    sends_issuer = models.BooleanField(default=False)
    data_url = models.CharField(max_length=MAX_URL_CHARS)
    client_id = models.CharField(max_length=255)
    client_secret_sealed = models.BinaryField(max_length=1024)
    client_authentication = models.CharField(max_length=5, choices=ClientAuthentication.choices)
    scopes = ArrayField(models.CharField(max_length=128), default=list)
    field_names = models.JSONField(default=dict)
    interval_seconds = models.PositiveIntegerField()
    refresh_owner = models.CharField(max_length=7, choices=RefreshOwner.choices)
    misconfigured_at = models.DateTimeField(null=True)
    # One of organizations.sync_reasons.SyncReason here and below: a new one needs no migration.
    misconfigured_reason = models.CharField(max_length=20, blank=True)
    probe_at = models.DateTimeField(null=True)
    is_mailed = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        verbose_name = "OAuth provider"
        default_permissions = ("view",)
        permissions = [("configure_oauthprovider", "Can configure OAuth providers")]
        constraints = [
            models.UniqueConstraint("partner", "environment", name="oauth_provider_once"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="oauth_provider_environment"),
            models.CheckConstraint(
                condition=models.Q(interval_seconds__gte=MIN_INTERVAL_SECONDS, interval_seconds__lte=MAX_INTERVAL_SECONDS),
                name="oauth_provider_interval",
            ),
            models.CheckConstraint(
                condition=models.Q(client_authentication__in=ClientAuthentication.values), name="oauth_provider_authentication"
            ),
            models.CheckConstraint(condition=models.Q(refresh_owner__in=RefreshOwner.values), name="oauth_provider_owner"),
            models.CheckConstraint(
                condition=models.Q(data_url__contains="{internalOrgId}"), name="oauth_provider_data_of_organization"
            ),
            models.CheckConstraint(
                condition=models.Q(misconfigured_at=None, probe_at=None)
                | models.Q(misconfigured_at__isnull=False, probe_at__isnull=False),
                name="oauth_provider_probed_while_wrong",
            ),
        ]

    def __str__(self) -> str:
        return self.issuer or self.token_url


class GrantState(models.TextChoices):
    """How a grant stands; it is asked of the provider in the first four."""

    PENDING = "pending", "Not synced yet"
    ACTIVE = "active", "Active"
    REFRESHING = "refreshing", "Refreshing"
    AMBIGUOUS = "ambiguous", "Answer lost"
    CONFIG_ERROR = "config_error", "Misconfigured"
    REAUTHORIZATION_REQUIRED = "reauthorization_required", "Must be authorized again"
    PAUSED = "paused", "Paused"
    DISCONNECTED = "disconnected", "Disconnected"


class OAuthGrant(models.Model):
    """The tokens by which we read one organization at its partner's provider, sealed for this row.

    `version` moves with every change of the tokens: whoever writes names the version it read. `lease` says which worker is
    at it, until `lease_until`. `next_sync_at` is null where nothing is due: paused, waiting for a new authorization, ended.
    A disconnected grant keeps its tokens only until they are revoked upstream.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, related_name="oauth_grant")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    state = models.CharField(max_length=24, choices=GrantState.choices, default=GrantState.PENDING)
    state_since = models.DateTimeField(db_default=Now())
    version = models.PositiveIntegerField(default=1)
    access_sealed = models.BinaryField(null=True)
    refresh_sealed = models.BinaryField(null=True)
    # What was last handed over, as a digest: the same tokens brought again are no news, even after we had them refreshed.
    given_digest = models.BinaryField(max_length=DIGEST_BYTES, null=True)
    scopes = ArrayField(models.CharField(max_length=128), default=list)
    obtained_at = models.DateTimeField(null=True)
    access_expires_at = models.DateTimeField(null=True)
    # A refresh is on its way since; a worker that finds this set without a live lease knows that the answer was lost.
    refresh_sent_at = models.DateTimeField(null=True)
    # How often in a row the provider said that the grant has ended.
    rejections = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempted_at = models.DateTimeField(null=True)
    next_sync_at = models.DateTimeField(null=True)
    requested_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    etag = models.CharField(max_length=255, blank=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    reason = models.CharField(max_length=20, blank=True)
    is_removal_allowed = models.BooleanField(default=False)
    # The partner is told that something must be done: how often so far, how many of these by mail, and when again.
    notices = models.PositiveSmallIntegerField(default=0)
    mailed_notices = models.PositiveSmallIntegerField(default=0)
    next_notice_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        verbose_name = "OAuth grant"
        default_permissions = ("view",)
        permissions = [
            ("operate_oauthgrant", "Can sync, pause, resume and connect organizations"),
            ("disconnect_oauthgrant", "Can disconnect organizations from their provider"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="oauth_grant_environment"),
            models.CheckConstraint(condition=models.Q(state__in=GrantState.values), name="oauth_grant_state"),
            models.CheckConstraint(
                condition=models.Q(access_sealed__isnull=False) | models.Q(state=GrantState.DISCONNECTED),
                name="oauth_grant_has_token",
            ),
            models.CheckConstraint(
                condition=models.Q(access_sealed__isnull=False) | models.Q(refresh_sealed=None),
                name="oauth_grant_erased_whole",
            ),
            models.CheckConstraint(
                condition=models.Q(lease=None, lease_until=None) | models.Q(lease__isnull=False, lease_until__isnull=False),
                name="oauth_grant_lease_whole",
            ),
            models.CheckConstraint(
                condition=models.Q(next_sync_at=None)
                | ~models.Q(state__in=[GrantState.REAUTHORIZATION_REQUIRED, GrantState.PAUSED]),
                name="oauth_grant_rests",
            ),
        ]
        indexes = [
            models.Index(
                "partner",
                "environment",
                "next_sync_at",
                name="oauth_grant_due",
                condition=models.Q(next_sync_at__isnull=False),
            ),
            models.Index("lease_until", name="oauth_grant_leased", condition=models.Q(lease__isnull=False)),
            models.Index("next_notice_at", name="oauth_grant_notice", condition=models.Q(next_notice_at__isnull=False)),
            models.Index("id", name="oauth_grant_unmailed", condition=models.Q(mailed_notices__lt=models.F("notices"))),
        ]

    def __str__(self) -> str:
        return f"grant of {self.organization_id}"

    @property
    def has_refresh_token(self) -> bool:
        return self.refresh_sealed is not None


class ConnectLink(models.Model):
    """A link by which a person connects one organization: opened as often as they like, good for one grant.

    The link's secret is kept as a digest. Each start of the walk through the provider binds it to that browser: `state` and
    `browser` are digests of what the redirect and the browser's cookie must bring back, `verifier_sealed` is the PKCE one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="connect_links")
    pepper_id = models.PositiveSmallIntegerField()
    digest = models.BinaryField(max_length=DIGEST_BYTES)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    state_digest = models.BinaryField(max_length=DIGEST_BYTES, null=True)
    browser_digest = models.BinaryField(max_length=DIGEST_BYTES, null=True)
    verifier_sealed = models.BinaryField(max_length=256, null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=models.Q(digest__length=DIGEST_BYTES), name="connect_link_digest"),
            models.CheckConstraint(
                condition=models.Q(expires_at__lte=models.F("created_at") + models.Value(MAX_LINK_LIFE)),
                name="connect_link_short_lived",
            ),
            models.CheckConstraint(
                condition=models.Q(started_at=None, state_digest=None, browser_digest=None, verifier_sealed=None)
                | models.Q(
                    started_at__isnull=False,
                    state_digest__isnull=False,
                    browser_digest__isnull=False,
                    verifier_sealed__isnull=False,
                ),
                name="connect_link_started_whole",
            ),
        ]
        indexes = [models.Index("expires_at", name="connect_link_age")]

    def __str__(self) -> str:
        return f"connect link {self.id}"
