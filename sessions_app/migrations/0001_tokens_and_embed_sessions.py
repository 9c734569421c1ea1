import datetime
import uuid

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models

import core.principals


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("organizations", "0001_organizations_and_profiles"),
        ("partners", "0002_unlogged_limiter_state"),
    ]

    operations = [
        migrations.CreateModel(
            name="SessionToken",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("digest", models.BinaryField(max_length=32)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("partner_epoch", models.PositiveIntegerField()),
                ("profile_epoch", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField()),
                ("redeemed_at", models.DateTimeField(null=True)),
                ("redeem_digest", models.BinaryField(max_length=32, null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("superseded_at", models.DateTimeField(null=True)),
                (
                    "key",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="partners.apikey",
                    ),
                ),
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
                    "profile",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="session_tokens",
                        to="organizations.profile",
                    ),
                ),
            ],
            options={
                "permissions": [("revoke_sessiontoken", "Can revoke sessions")],
                "default_permissions": ("view",),
                "indexes": [models.Index(models.F("expires_at"), name="token_expiry")],
                "constraints": [
                    models.UniqueConstraint(models.F("digest"), name="token_digest_once"),
                    models.CheckConstraint(condition=models.Q(("digest__length", 32)), name="token_digest_length"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="token_environment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "expires_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("created_at"), "+", models.Value(datetime.timedelta(seconds=300))
                                ),
                            )
                        ),
                        name="token_life",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EmbedSession",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("partner_epoch", models.PositiveIntegerField()),
                ("profile_epoch", models.PositiveIntegerField()),
                ("pepper_id", models.PositiveSmallIntegerField()),
                ("generation", models.PositiveIntegerField(default=0)),
                ("handle_digest", models.BinaryField(max_length=32)),
                ("rotated_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("last_seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("idle_expires_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("logout", "Signed out"),
                            ("revoked", "Revoked"),
                            ("refresh_reused", "An outdated handle came back"),
                        ],
                        db_default="",
                        default="",
                        max_length=16,
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="partners.apikey",
                    ),
                ),
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
                    "profile",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="embed_sessions",
                        to="organizations.profile",
                    ),
                ),
                (
                    "session_token",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="embed_session",
                        to="sessions_app.sessiontoken",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [models.Index(models.F("idle_expires_at"), name="embed_idle_expiry")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("handle_digest__length", 32)), name="embed_handle_length"),
                    models.CheckConstraint(
                        condition=models.Q(("idle_expires_at__lte", models.F("expires_at"))), name="embed_idle_first"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("end_reason", ""), ("ended_at", None)),
                            models.Q(("ended_at__isnull", False), models.Q(("end_reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="embed_ended_with_reason",
                    ),
                ],
            },
        ),
    ]
