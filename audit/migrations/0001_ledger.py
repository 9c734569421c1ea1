import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import audit.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField(db_default=audit.models.ClockTimestamp(), editable=False)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("partner.created", "partner.created"),
                            ("partner.updated", "partner.updated"),
                            ("partner.suspended", "partner.suspended"),
                            ("partner.reactivated", "partner.reactivated"),
                            ("partner.emergency_revoked", "partner.emergency_revoked"),
                            ("key.issued", "key.issued"),
                            ("key.imported", "key.imported"),
                            ("key.rotated", "key.rotated"),
                            ("key.updated", "key.updated"),
                            ("key.paused", "key.paused"),
                            ("key.resumed", "key.resumed"),
                            ("key.revoked", "key.revoked"),
                            ("key.expiry_warned", "key.expiry_warned"),
                            ("organization.created", "organization.created"),
                            ("organization.updated", "organization.updated"),
                            ("profile.created", "profile.created"),
                            ("profile.updated", "profile.updated"),
                            ("session.created", "session.created"),
                            ("session.redeemed", "session.redeemed"),
                            ("session.replayed", "session.replayed"),
                            ("session.refresh_reused", "session.refresh_reused"),
                            ("session.ended", "session.ended"),
                            ("session.revoked", "session.revoked"),
                            ("user.sessions_revoked", "user.sessions_revoked"),
                            ("refusal.counted", "refusal.counted"),
                            ("secret.exposed", "secret.exposed"),
                            ("purge.completed", "purge.completed"),
                            ("ledger.exported", "ledger.exported"),
                        ],
                        max_length=64,
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[("info", "info"), ("notice", "notice"), ("warning", "warning"), ("critical", "critical")],
                        max_length=16,
                    ),
                ),
                (
                    "actor_kind",
                    models.CharField(
                        choices=[
                            ("staff", "staff"),
                            ("key", "key"),
                            ("session", "session"),
                            ("command", "command"),
                            ("system", "system"),
                            ("anonymous", "anonymous"),
                        ],
                        max_length=16,
                    ),
                ),
                ("actor_id", models.CharField(max_length=64)),
                ("actor_label", models.CharField(blank=True, max_length=150)),
                ("partner_id", models.UUIDField(null=True)),
                ("environment", models.CharField(blank=True, choices=[("live", "live"), ("test", "test")], max_length=4)),
                ("subject_type", models.CharField(blank=True, max_length=32)),
                ("subject_id", models.CharField(blank=True, max_length=64)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("data", models.JSONField(default=dict)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("count", models.PositiveIntegerField(db_default=1, default=1)),
                ("context_hash", models.BinaryField(max_length=32, null=True)),
            ],
            options={
                "permissions": [("export_event", "Can export ledger rows")],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        models.F("partner_id"), models.OrderBy(models.F("id"), descending=True), name="audit_event_partner"
                    ),
                    models.Index(
                        models.F("subject_id"),
                        models.OrderBy(models.F("id"), descending=True),
                        condition=models.Q(("subject_id", ""), _negated=True),
                        name="audit_event_subject",
                    ),
                    models.Index(
                        models.F("type"),
                        models.OrderBy(models.F("id"), descending=True),
                        condition=models.Q(("type__in", ("session.created", "session.redeemed")), _negated=True),
                        name="audit_event_rare_type",
                    ),
                    models.Index(
                        models.F("request_id"),
                        condition=models.Q(("request_id", ""), _negated=True),
                        name="audit_event_request",
                    ),
                    django.contrib.postgres.indexes.BrinIndex(models.F("recorded_at"), name="audit_event_recorded"),
                ],
            },
        ),
        migrations.CreateModel(
            name="EventContext",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="context",
                        serialize=False,
                        to="audit.event",
                    ),
                ),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("address", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(blank=True, max_length=256)),
                ("salt", models.BinaryField(max_length=16, null=True)),
                ("is_cut", models.BooleanField(db_default=False, default=False)),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(models.F("recorded_at"), condition=models.Q(("is_cut", False)), name="audit_context_uncut")
                ],
            },
        ),
    ]
