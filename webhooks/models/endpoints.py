"""Where deliveries go, and the secrets they are signed with."""

import uuid
from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from core.encryption import Place
from core.principals import Environment
from partners.models import ENVIRONMENTS, Partner
from webhooks.formats import SignatureFormat
from webhooks.querysets import EndpointQuerySet, SecretQuerySet
from webhooks.reasons import DISABLED_MEANINGS

MAX_URL_CHARS: Final = 2048
MAX_CONCURRENCY: Final = 20


class Endpoint(models.Model):
    """A receiver of a partner in one environment. Deleted ones stay as rows: their deliveries speak of them.

    The health fields belong to the pump: `cap` is how many calls at once the receiver bears at the moment, `resume_at` when it
    asked to be called again. `verify_message` is the ping whose answer proves the present URL, None where nothing is asked.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="webhook_endpoints", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    url = models.CharField(max_length=MAX_URL_CHARS)
    event_types = ArrayField(models.CharField(max_length=100))
    signature_format = models.CharField(max_length=8, choices=[(each.value, each.value) for each in SignatureFormat])
    description = models.CharField(max_length=200, blank=True)
    max_concurrency = models.PositiveSmallIntegerField(default=5)
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True)
    echoes_challenge = models.BooleanField(default=False)
    verify_message_id = models.BigIntegerField(null=True)
    verified_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=16, blank=True, choices=[(r.value, m) for r, m in DISABLED_MEANINGS.items()])
    deleted_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    last_success_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    # The longest failing time, in hours, that the partner has been warned of.
    warned_hours = models.PositiveSmallIntegerField(default=0, db_default=0)
    resume_at = models.DateTimeField(null=True)
    cap = models.PositiveSmallIntegerField(null=True)
    # The number of its last delivery: receivers find gaps by it.
    last_seq = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("manage_endpoint", "Can add, edit and delete webhook endpoints"),
            ("operate_endpoint", "Can test, verify, pause and resume webhook endpoints"),
            ("disable_endpoint", "Can disable and enable webhook endpoints"),
            ("rotate_endpointsecret", "Can rotate the signing secrets of webhook endpoints"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="endpoint_environment"),
            models.CheckConstraint(condition=models.Q(signature_format__in=list(SignatureFormat)), name="endpoint_format"),
            models.CheckConstraint(
                condition=models.Q(max_concurrency__gte=1, max_concurrency__lte=MAX_CONCURRENCY), name="endpoint_concurrency"
            ),
            models.CheckConstraint(
                condition=models.Q(rate_per_minute=None) | models.Q(rate_per_minute__gte=1), name="endpoint_rate"
            ),
            models.CheckConstraint(condition=models.Q(event_types__len__gte=1), name="endpoint_wants_something"),
            models.CheckConstraint(
                condition=models.Q(disabled_at=None, disabled_reason="")
                | models.Q(models.Q(disabled_at__isnull=False), ~models.Q(disabled_reason="")),
                name="endpoint_disabled_with_reason",
            ),
        ]
        indexes = [models.Index("partner", "environment", name="endpoint_partner")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_open(self) -> bool:
        """Whether deliveries go out, or are parked."""
        return bool(self.verified_at and not (self.paused_at or self.disabled_at or self.deleted_at))


class SecretState(models.TextChoices):
    """`pending` waits for the receiver's proof, `current` signs, `previous` signs beside it until it expires."""

    PENDING = "pending", "Pending"
    CURRENT = "current", "Current"
    PREVIOUS = "previous", "Previous"
    REVOKED = "revoked", "Revoked"


class EndpointSecret(models.Model):
    """A signing secret, sealed for its row. A revoked one keeps its row and loses its text.

    `ping_message_id` is the `endpoint.secret_rotated` ping whose delivery proves that the receiver knows a pending secret.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="secrets", db_index=False)
    state = models.CharField(max_length=8, choices=SecretState.choices)
    sealed = models.BinaryField(max_length=256)
    ping_message_id = models.BigIntegerField(null=True)
    # How long the one before stays valid, counted from this one's making.
    overlap_seconds = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    confirmed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects = SecretQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=SecretState.values), name="secret_state"),
            models.UniqueConstraint("endpoint", name="secret_one_current", condition=models.Q(state="current")),
            models.UniqueConstraint("endpoint", name="secret_one_pending", condition=models.Q(state="pending")),
            models.CheckConstraint(
                condition=~models.Q(state="previous") | models.Q(expires_at__isnull=False), name="secret_previous_ends"
            ),
            models.CheckConstraint(
                condition=models.Q(state="revoked", sealed=b"") | models.Q(~models.Q(state="revoked"), ~models.Q(sealed=b"")),
                name="secret_revoked_is_empty",
            ),
        ]
        indexes = [models.Index("endpoint", "state", name="secret_of_endpoint")]

    def __str__(self) -> str:
        return f"{self.state} secret {self.id}"

    def place(self, endpoint: Endpoint) -> Place:
        """Where the sealed text stands: what it is bound to."""
        return Place("webhooks_endpointsecret", "sealed", self.id, endpoint.partner_id, endpoint.environment)
