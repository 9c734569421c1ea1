"""What happened, as it is told to receivers: the message, its bytes, and how far the readers of feeds are."""

from django.db import models
from django.db.models.functions import Now

from core.feeds import CurrentXid, Xid8Field
from core.principals import Environment
from partners.models import ENVIRONMENTS, Partner
from webhooks.formats import SignatureFormat
from webhooks.querysets import MessageQuerySet


class MessageSource(models.TextChoices):
    """Who says it."""

    OWN = "own", "This service"
    COMMERCE = "commerce", "A commerce service"


class Message(models.Model):
    """An event with its public id. `data` is canonical JSON, written once.

    `feed_xid` orders the feed by commits; a message meant for one endpoint alone (a ping or a test) has none and is in no feed.
    `ledger_event_id` is the ledger row an event of our own came from: at most one message for each environment.
    """

    id = models.BigAutoField(primary_key=True)
    message_id = models.CharField(max_length=40, unique=True, db_collation="C")
    partner = models.ForeignKey(Partner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    type = models.CharField(max_length=100)
    version = models.PositiveSmallIntegerField(default=1)
    source = models.CharField(max_length=8, choices=MessageSource.choices)
    data = models.BinaryField()
    partner_org_id = models.CharField(max_length=255, blank=True)
    occurred_at = models.DateTimeField(db_default=Now())
    ledger_event_id = models.BigIntegerField(null=True)
    feed_xid = Xid8Field(null=True, db_default=CurrentXid())

    objects = MessageQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="message_environment"),
            models.UniqueConstraint(
                "ledger_event_id",
                "environment",
                name="message_once_per_ledger_row",
                condition=models.Q(ledger_event_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index("feed_xid", "id", name="message_fan_out", condition=models.Q(feed_xid__isnull=False)),
            models.Index(
                "partner",
                "environment",
                "feed_xid",
                "id",
                name="message_feed",
                condition=models.Q(feed_xid__isnull=False),
            ),
            models.Index("occurred_at", name="message_age"),
        ]

    def __str__(self) -> str:
        return self.message_id


class MessageBody(models.Model):
    """The very bytes that are signed and sent, for one family of receivers: made once, the same on every attempt."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="bodies", db_index=False)
    style = models.CharField(max_length=8, choices=[(each.value, each.value) for each in SignatureFormat])
    body = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint("message", "style", name="body_once")]

    def __str__(self) -> str:
        return f"{self.style} body of {self.message_id}"


class FeedCursor(models.Model):
    """How far one of our own readers of a feed is; whoever holds the row's lock is the only one reading."""

    name = models.CharField(max_length=32, primary_key=True)
    xid = Xid8Field(default=0)
    row_id = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
