"""One message on its way to one endpoint, and each attempt at it."""

from django.db import models
from django.db.models.functions import Now

from core.principals import Environment
from partners.models import ENVIRONMENTS, Partner
from webhooks.models.endpoints import Endpoint
from webhooks.models.messages import Message
from webhooks.querysets import AttemptQuerySet, DeliveryQuerySet


class DeliveryState(models.TextChoices):
    """`parked` waits for its endpoint; `quarantined` lost its worker too often and waits for staff."""

    PENDING = "pending", "Pending"
    INFLIGHT = "inflight", "In flight"
    PARKED = "parked", "Parked"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    QUARANTINED = "quarantined", "Quarantined"


FINAL_STATES = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.CANCELLED)


class Delivery(models.Model):
    """The queue itself. `claim` is the fencing token of whoever holds the lease: a result without it changes nothing.

    `attempts` counts those of the present run of the schedule, `numbered` all that were ever made. A probe (ping or test) goes
    out whatever state its endpoint is in. `settled_at` says that the outcome of a ping has been drawn its consequence from.
    """

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    partner = models.ForeignKey(Partner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    seq = models.BigIntegerField()
    is_probe = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=11, choices=DeliveryState.choices)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    numbered = models.PositiveIntegerField(default=0, db_default=0)
    abandoned = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    replayed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_reason = models.CharField(max_length=32, blank=True, default="", db_default="")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        default_permissions = ("view",)
        permissions = [("replay_delivery", "Can replay webhook deliveries")]
        constraints = [
            models.UniqueConstraint("message", "endpoint", name="delivery_once"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="delivery_environment"),
            models.CheckConstraint(condition=models.Q(state__in=DeliveryState.values), name="delivery_state"),
            models.CheckConstraint(
                condition=models.Q(state="inflight", claim__isnull=False, lease_until__isnull=False)
                | models.Q(~models.Q(state="inflight"), claim=None, lease_until=None),
                name="delivery_lease_in_flight",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=FINAL_STATES, finished_at__isnull=False)
                | models.Q(~models.Q(state__in=FINAL_STATES), finished_at=None),
                name="delivery_finished_when_final",
            ),
        ]
        indexes = [
            models.Index("endpoint", "next_at", "id", name="delivery_due", condition=models.Q(state="pending")),
            models.Index("lease_until", name="delivery_leases", condition=models.Q(state="inflight")),
            models.Index("endpoint", "seq", name="delivery_parked", condition=models.Q(state="parked")),
            models.Index("endpoint", models.F("id").desc(), name="delivery_of_endpoint"),
            models.Index("partner", "environment", models.F("id").desc(), name="delivery_of_partner"),
            models.Index("finished_at", name="delivery_age", condition=models.Q(finished_at__isnull=False)),
            models.Index("id", name="delivery_unsettled", condition=models.Q(is_probe=True, settled_at=None)),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Attempt(models.Model):
    """One HTTP call. The table is partitioned by month of `started_at`; old months go as a whole."""

    pk = models.CompositePrimaryKey("delivery_id", "number", "started_at")
    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, related_name="log", db_index=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    dns_ms = models.PositiveIntegerField(null=True)
    connect_ms = models.PositiveIntegerField(null=True)
    tls_ms = models.PositiveIntegerField(null=True)
    first_byte_ms = models.PositiveIntegerField(null=True)
    total_ms = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True)
    # One of webhooks.reasons.AttemptReason.
    reason = models.CharField(max_length=32)
    address = models.GenericIPAddressField(null=True)
    response_text = models.TextField(blank=True)
    response_headers = models.JSONField(default=dict)

    objects = AttemptQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [models.Index("endpoint", "started_at", name="attempt_of_endpoint")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"
