import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import core.feeds
import core.principals
import webhooks.formats


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("partners", "0002_unlogged_limiter_state"),
    ]

    operations = [
        migrations.CreateModel(
            name="FeedCursor",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("xid", core.feeds.Xid8Field(default=0)),
                ("row_id", models.BigIntegerField(default=0)),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("url", models.CharField(max_length=2048)),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), size=None),
                ),
                (
                    "signature_format",
                    models.CharField(
                        choices=[("standard", "standard"), ("stash", "stash"), ("sticker", "sticker")], max_length=8
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=200)),
                ("max_concurrency", models.PositiveSmallIntegerField(default=5)),
                ("rate_per_minute", models.PositiveIntegerField(blank=True, null=True)),
                ("echoes_challenge", models.BooleanField(default=False)),
                ("verify_message_id", models.BigIntegerField(null=True)),
                ("verified_at", models.DateTimeField(null=True)),
                ("paused_at", models.DateTimeField(null=True)),
                ("disabled_at", models.DateTimeField(null=True)),
                (
                    "disabled_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("staff", "Disabled by staff."),
                            ("partner", "Disabled through the API."),
                            ("gone", "The receiver answered 410 Gone."),
                            ("failing", "Nothing could be delivered for days."),
                        ],
                        max_length=16,
                    ),
                ),
                ("deleted_at", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("consecutive_failures", models.PositiveIntegerField(default=0)),
                ("last_success_at", models.DateTimeField(null=True)),
                ("resume_at", models.DateTimeField(null=True)),
                ("cap", models.PositiveSmallIntegerField(null=True)),
                ("last_seq", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhook_endpoints",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("manage_endpoint", "Can add, edit and delete webhook endpoints"),
                    ("operate_endpoint", "Can test, verify, pause and resume webhook endpoints"),
                    ("disable_endpoint", "Can disable and enable webhook endpoints"),
                    ("rotate_endpointsecret", "Can rotate the signing secrets of webhook endpoints"),
                ],
                "default_permissions": ("view",),
                "indexes": [models.Index(models.F("partner"), models.F("environment"), name="endpoint_partner")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="endpoint_environment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "signature_format__in",
                                [
                                    webhooks.formats.SignatureFormat["STANDARD"],
                                    webhooks.formats.SignatureFormat["STASH"],
                                    webhooks.formats.SignatureFormat["STICKER"],
                                ],
                            )
                        ),
                        name="endpoint_format",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("max_concurrency__gte", 1), ("max_concurrency__lte", 20)),
                        name="endpoint_concurrency",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rate_per_minute", None), ("rate_per_minute__gte", 1), _connector="OR"),
                        name="endpoint_rate",
                    ),
                    models.CheckConstraint(condition=models.Q(("event_types__len__gte", 1)), name="endpoint_wants_something"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("disabled_at", None), ("disabled_reason", "")),
                            models.Q(
                                models.Q(("disabled_at__isnull", False)), models.Q(("disabled_reason", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="endpoint_disabled_with_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("seq", models.BigIntegerField()),
                ("is_probe", models.BooleanField(db_default=False, default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("inflight", "In flight"),
                            ("parked", "Parked"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("quarantined", "Quarantined"),
                        ],
                        max_length=11,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0)),
                ("numbered", models.PositiveIntegerField(db_default=0, default=0)),
                ("abandoned", models.PositiveSmallIntegerField(db_default=0, default=0)),
                ("next_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("lease_until", models.DateTimeField(null=True)),
                ("claim", models.UUIDField(null=True)),
                ("replayed_at", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                ("last_status", models.PositiveSmallIntegerField(null=True)),
                ("last_reason", models.CharField(blank=True, db_default="", default="", max_length=32)),
                (
                    "partner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="partners.partner",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="webhooks.endpoint",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "permissions": [("replay_delivery", "Can replay webhook deliveries")],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        models.F("endpoint"),
                        models.F("next_at"),
                        models.F("id"),
                        condition=models.Q(("state", "pending")),
                        name="delivery_due",
                    ),
                    models.Index(models.F("lease_until"), condition=models.Q(("state", "inflight")), name="delivery_leases"),
                    models.Index(
                        models.F("endpoint"), models.F("seq"), condition=models.Q(("state", "parked")), name="delivery_parked"
                    ),
                    models.Index(
                        models.F("endpoint"), models.OrderBy(models.F("id"), descending=True), name="delivery_of_endpoint"
                    ),
                    models.Index(
                        models.F("partner"),
                        models.F("environment"),
                        models.OrderBy(models.F("id"), descending=True),
                        name="delivery_of_partner",
                    ),
                    models.Index(
                        models.F("finished_at"), condition=models.Q(("finished_at__isnull", False)), name="delivery_age"
                    ),
                    models.Index(
                        models.F("id"), condition=models.Q(("is_probe", True), ("settled_at", None)), name="delivery_unsettled"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="delivery_environment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["pending", "inflight", "parked", "delivered", "failed", "cancelled", "quarantined"])
                        ),
                        name="delivery_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("claim__isnull", False), ("lease_until__isnull", False), ("state", "inflight")),
                            models.Q(models.Q(("state", "inflight"), _negated=True), ("claim", None), ("lease_until", None)),
                            _connector="OR",
                        ),
                        name="delivery_lease_in_flight",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", False), ("state__in", ("delivered", "failed", "cancelled"))),
                            models.Q(
                                models.Q(("state__in", ("delivered", "failed", "cancelled")), _negated=True),
                                ("finished_at", None),
                            ),
                            _connector="OR",
                        ),
                        name="delivery_finished_when_final",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EndpointSecret",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("current", "Current"),
                            ("previous", "Previous"),
                            ("revoked", "Revoked"),
                        ],
                        max_length=8,
                    ),
                ),
                ("sealed", models.BinaryField(max_length=256)),
                ("ping_message_id", models.BigIntegerField(null=True)),
                ("overlap_seconds", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="secrets",
                        to="webhooks.endpoint",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(models.F("endpoint"), models.F("state"), name="secret_of_endpoint")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "current", "previous", "revoked"])), name="secret_state"
                    ),
                    models.UniqueConstraint(
                        models.F("endpoint"), condition=models.Q(("state", "current")), name="secret_one_current"
                    ),
                    models.UniqueConstraint(
                        models.F("endpoint"), condition=models.Q(("state", "pending")), name="secret_one_pending"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "previous"), _negated=True), ("expires_at__isnull", False), _connector="OR"
                        ),
                        name="secret_previous_ends",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sealed", b""), ("state", "revoked")),
                            models.Q(models.Q(("state", "revoked"), _negated=True), models.Q(("sealed", b""), _negated=True)),
                            _connector="OR",
                        ),
                        name="secret_revoked_is_empty",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("message_id", models.CharField(db_collation="C", max_length=40, unique=True)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("type", models.CharField(max_length=100)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                (
                    "source",
                    models.CharField(choices=[("own", "This service"), ("commerce", "A commerce service")], max_length=8),
                ),
                ("data", models.BinaryField()),
                ("partner_org_id", models.CharField(blank=True, max_length=255)),
                ("occurred_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ledger_event_id", models.BigIntegerField(null=True)),
                ("feed_xid", core.feeds.Xid8Field(db_default=core.feeds.CurrentXid(), null=True)),
                (
                    "partner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        models.F("feed_xid"),
                        models.F("id"),
                        condition=models.Q(("feed_xid__isnull", False)),
                        name="message_fan_out",
                    ),
                    models.Index(
                        models.F("partner"),
                        models.F("environment"),
                        models.F("feed_xid"),
                        models.F("id"),
                        condition=models.Q(("feed_xid__isnull", False)),
                        name="message_feed",
                    ),
                    models.Index(models.F("occurred_at"), name="message_age"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="message_environment",
                    ),
                    models.UniqueConstraint(
                        models.F("ledger_event_id"),
                        models.F("environment"),
                        condition=models.Q(("ledger_event_id__isnull", False)),
                        name="message_once_per_ledger_row",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="message",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="webhooks.message"
            ),
        ),
        migrations.CreateModel(
            name="MessageBody",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "style",
                    models.CharField(
                        choices=[("standard", "standard"), ("stash", "stash"), ("sticker", "sticker")], max_length=8
                    ),
                ),
                ("body", models.BinaryField()),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bodies",
                        to="webhooks.message",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(models.F("message"), models.F("style"), name="body_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(models.F("message"), models.F("endpoint"), name="delivery_once"),
        ),
    ]
