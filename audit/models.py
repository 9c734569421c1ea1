"""The ledger's two tables: the row that never changes, and the personal part that retention may clear."""

from typing import Final

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from audit.events import EventType, Severity
from audit.querysets import EventQuerySet
from core.feeds import Xid8Field
from core.principals import ActorKind, Environment

FREQUENT_TYPES: Final = (EventType.SESSION_CREATED.value, EventType.SESSION_REDEEMED.value)


class ClockTimestamp(models.Func):
    """The database's clock at the instant of the statement, not of the transaction."""

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = models.DateTimeField()


class Event(models.Model):
    """One act, or one minute of equal refusals. Ids of what it speaks of are values: the row outlives its subjects."""

    id = models.BigAutoField(primary_key=True)
    recorded_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    # One of audit.events.EventType: a new one needs no migration.
    type = models.CharField(max_length=64)
    severity = models.CharField(max_length=16, choices=[(s.value, s.value) for s in Severity])
    actor_kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in ActorKind])
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=150, blank=True)
    partner_id = models.UUIDField(null=True)
    environment = models.CharField(max_length=4, blank=True, choices=[(e.value, e.value) for e in Environment])
    subject_type = models.CharField(max_length=32, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    data = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    count = models.PositiveIntegerField(default=1, db_default=1)
    # SHA-256 over the salt and the personal part, so that the part can go while the row still proves what it was.
    context_hash = models.BinaryField(max_length=32, null=True)
    # Set where the partner may be told of the row (`audit.events.DELIVERED`): webhooks read the ledger in this order.
    feed_xid = Xid8Field(null=True, editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [("export_event", "Can export ledger rows")]
        indexes = [
            models.Index("partner_id", models.F("id").desc(), name="audit_event_partner"),
            models.Index("subject_id", models.F("id").desc(), name="audit_event_subject", condition=~models.Q(subject_id="")),
            # Sessions are most of the ledger: one of these is never far, and an entry for each would cost every handshake.
            models.Index(
                "type", models.F("id").desc(), name="audit_event_rare_type", condition=~models.Q(type__in=FREQUENT_TYPES)
            ),
            models.Index("request_id", name="audit_event_request", condition=~models.Q(request_id="")),
            BrinIndex("recorded_at", name="audit_event_recorded"),
            models.Index("feed_xid", "id", name="audit_event_feed", condition=models.Q(feed_xid__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.type} #{self.pk}"


class EventContext(models.Model):
    """Where an act came from: personal data, cut and cleared by retention without touching the ledger row.

    No foreign key in the database: one statement writes both rows, a ledger row is never deleted, and the check would cost
    every act a third of its time in the database.
    """

    event = models.OneToOneField(
        Event, on_delete=models.DO_NOTHING, primary_key=True, related_name="context", db_constraint=False
    )
    recorded_at = models.DateTimeField(db_default=Now())
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=256, blank=True)
    salt = models.BinaryField(max_length=16, null=True)
    is_cut = models.BooleanField(default=False, db_default=False)

    class Meta:
        default_permissions = ("view",)
        indexes = [
            models.Index("recorded_at", name="audit_context_uncut", condition=models.Q(is_cut=False)),
        ]

    def __str__(self) -> str:
        return f"context of #{self.pk}"


class Seal(models.Model):
    """A signed statement over a batch of ledger rows, linked to the one before it (`audit.chain`). Never changed.

    `leaves` are the SHA-256 of each row in the order of the ids; `newest_id` and `awaited` say where the next seal goes on.
    """

    number = models.BigIntegerField(primary_key=True)
    ids = models.TextField()
    count = models.PositiveIntegerField()
    leaves = models.BinaryField()
    root = models.BinaryField(max_length=32)
    previous = models.BinaryField(max_length=32)
    # Seconds since 1970, as signed.
    sealed_at = models.BigIntegerField()
    key_id = models.PositiveSmallIntegerField()
    signature = models.BinaryField(max_length=64)
    newest_id = models.BigIntegerField()
    awaited = models.TextField(blank=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"seal {self.number}"
