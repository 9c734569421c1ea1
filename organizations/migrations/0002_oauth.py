"""Providers of partners, grants of organizations, the history of syncs, and links to connect by."""

import datetime
import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models

import core.principals


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0001_organizations_and_profiles"),
        ("partners", "0002_unlogged_limiter_state"),
    ]

    operations = [
        migrations.CreateModel(
            name="OAuthGrant",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Not synced yet"),
                            ("active", "Active"),
                            ("refreshing", "Refreshing"),
                            ("ambiguous", "Answer lost"),
                            ("config_error", "Misconfigured"),
                            ("reauthorization_required", "Must be authorized again"),
                            ("paused", "Paused"),
                            ("disconnected", "Disconnected"),
                        ],
                        default="pending",
                        max_length=24,
                    ),
                ),
                ("state_since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("version", models.PositiveIntegerField(default=1)),
                ("access_sealed", models.BinaryField(null=True)),
                ("refresh_sealed", models.BinaryField(null=True)),
                ("given_digest", models.BinaryField(max_length=32, null=True)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128), default=list, size=None
                    ),
                ),
                ("obtained_at", models.DateTimeField(null=True)),
                ("access_expires_at", models.DateTimeField(null=True)),
                ("refresh_sent_at", models.DateTimeField(null=True)),
                ("rejections", models.PositiveSmallIntegerField(default=0)),
                ("lease", models.UUIDField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("attempted_at", models.DateTimeField(null=True)),
                ("next_sync_at", models.DateTimeField(null=True)),
                ("requested_at", models.DateTimeField(null=True)),
                ("synced_at", models.DateTimeField(null=True)),
                ("etag", models.CharField(blank=True, max_length=255)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("reason", models.CharField(blank=True, max_length=20)),
                ("is_removal_allowed", models.BooleanField(default=False)),
                ("notices", models.PositiveSmallIntegerField(default=0)),
                ("mailed_notices", models.PositiveSmallIntegerField(default=0)),
                ("next_notice_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="oauth_grant", to="organizations.organization"
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="partners.partner"
                    ),
                ),
            ],
            options={
                "verbose_name": "OAuth grant",
                "permissions": [
                    ("operate_oauthgrant", "Can sync, pause, resume and connect organizations"),
                    ("disconnect_oauthgrant", "Can disconnect organizations from their provider"),
                ],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="OAuthProvider",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("issuer", models.CharField(blank=True, max_length=2048)),
                ("metadata_url", models.CharField(blank=True, max_length=2048)),
                ("authorization_url", models.CharField(blank=True, max_length=2048)),
                ("token_url", models.CharField(max_length=2048)),
                ("revocation_url", models.CharField(blank=True, max_length=2048)),
                ("sends_issuer", models.BooleanField(default=False)),
                ("data_url", models.CharField(max_length=2048)),
                ("client_id", models.CharField(max_length=255)),
                ("client_secret_sealed", models.BinaryField(max_length=1024)),
                (
                    "client_authentication",
                    models.CharField(choices=[("basic", "HTTP Basic"), ("post", "In the body")], max_length=5),
                ),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128), default=list, size=None
                    ),
                ),
                ("field_names", models.JSONField(default=dict)),
                ("interval_seconds", models.PositiveIntegerField()),
                (
                    "refresh_owner",
                    models.CharField(
                        choices=[("us", "We refresh"), ("partner", "The partner refreshes and brings new tokens")], max_length=7
                    ),
                ),
                ("misconfigured_at", models.DateTimeField(null=True)),
                ("misconfigured_reason", models.CharField(blank=True, max_length=20)),
                ("probe_at", models.DateTimeField(null=True)),
                ("is_mailed", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="oauth_providers",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "verbose_name": "OAuth provider",
                "permissions": [("configure_oauthprovider", "Can configure OAuth providers")],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="SyncRun",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("trigger", models.CharField(choices=[("schedule", "Schedule"), ("request", "Asked for")], max_length=8)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("changed", "Changed"),
                            ("unchanged", "Nothing new"),
                            ("failed", "Failed"),
                            ("stopped", "Stopped"),
                            ("lost", "Lost"),
                            ("superseded", "Overtaken"),
                            ("revoked", "Revoked upstream"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=20)),
                ("http_status", models.PositiveSmallIntegerField(null=True)),
                (
                    "refresh",
                    models.CharField(
                        blank=True,
                        choices=[("", "Not used"), ("done", "Refreshed"), ("failed", "Failed"), ("lost", "Answer lost")],
                        max_length=6,
                    ),
                ),
                ("changes", models.JSONField(default=dict)),
                (
                    "grant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="organizations.oauthgrant",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ConnectLink",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("pepper_id", models.PositiveSmallIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
                ("created_by", models.CharField(blank=True, max_length=150)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("expires_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("state_digest", models.BinaryField(max_length=32, null=True)),
                ("browser_digest", models.BinaryField(max_length=32, null=True)),
                ("verifier_sealed", models.BinaryField(max_length=256, null=True)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connect_links",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(models.F("expires_at"), name="connect_link_age")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("digest__length", 32)), name="connect_link_digest"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "expires_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("created_at"), "+", models.Value(datetime.timedelta(days=1))
                                ),
                            )
                        ),
                        name="connect_link_short_lived",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("browser_digest", None),
                                ("started_at", None),
                                ("state_digest", None),
                                ("verifier_sealed", None),
                            ),
                            models.Q(
                                ("browser_digest__isnull", False),
                                ("started_at__isnull", False),
                                ("state_digest__isnull", False),
                                ("verifier_sealed__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="connect_link_started_whole",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="oauthgrant",
            index=models.Index(
                models.F("partner"),
                models.F("environment"),
                models.F("next_sync_at"),
                condition=models.Q(("next_sync_at__isnull", False)),
                name="oauth_grant_due",
            ),
        ),
        migrations.AddIndex(
            model_name="oauthgrant",
            index=models.Index(
                models.F("lease_until"), condition=models.Q(("lease__isnull", False)), name="oauth_grant_leased"
            ),
        ),
        migrations.AddIndex(
            model_name="oauthgrant",
            index=models.Index(
                models.F("next_notice_at"), condition=models.Q(("next_notice_at__isnull", False)), name="oauth_grant_notice"
            ),
        ),
        migrations.AddIndex(
            model_name="oauthgrant",
            index=models.Index(
                models.F("id"), condition=models.Q(("mailed_notices__lt", models.F("notices"))), name="oauth_grant_unmailed"
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                ),
                name="oauth_grant_environment",
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "pending",
                            "active",
                            "refreshing",
                            "ambiguous",
                            "config_error",
                            "reauthorization_required",
                            "paused",
                            "disconnected",
                        ],
                    )
                ),
                name="oauth_grant_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(("access_sealed__isnull", False), ("state", "disconnected"), _connector="OR"),
                name="oauth_grant_has_token",
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(("access_sealed__isnull", False), ("refresh_sealed", None), _connector="OR"),
                name="oauth_grant_erased_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lease", None), ("lease_until", None)),
                    models.Q(("lease__isnull", False), ("lease_until__isnull", False)),
                    _connector="OR",
                ),
                name="oauth_grant_lease_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthgrant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("next_sync_at", None),
                    models.Q(("state__in", ["reauthorization_required", "paused"]), _negated=True),
                    _connector="OR",
                ),
                name="oauth_grant_rests",
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthprovider",
            constraint=models.UniqueConstraint(models.F("partner"), models.F("environment"), name="oauth_provider_once"),
        ),
        migrations.AddConstraint(
            model_name="oauthprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                ),
                name="oauth_provider_environment",
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(("interval_seconds__gte", 60), ("interval_seconds__lte", 2592000)),
                name="oauth_provider_interval",
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(("client_authentication__in", ["basic", "post"])), name="oauth_provider_authentication"
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(("refresh_owner__in", ["us", "partner"])), name="oauth_provider_owner"
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(("data_url__contains", "{internalOrgId}")), name="oauth_provider_data_of_organization"
            ),
        ),
        migrations.AddConstraint(
            model_name="oauthprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("misconfigured_at", None), ("probe_at", None)),
                    models.Q(("misconfigured_at__isnull", False), ("probe_at__isnull", False)),
                    _connector="OR",
                ),
                name="oauth_provider_probed_while_wrong",
            ),
        ),
        migrations.AddIndex(
            model_name="syncrun",
            index=models.Index(models.F("grant"), models.OrderBy(models.F("id"), descending=True), name="sync_run_of_grant"),
        ),
        migrations.AddIndex(
            model_name="syncrun",
            index=models.Index(models.F("started_at"), name="sync_run_age"),
        ),
        migrations.AddConstraint(
            model_name="syncrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome__in", ["changed", "unchanged", "failed", "stopped", "lost", "superseded", "revoked"])
                ),
                name="sync_run_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="syncrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("trigger__in", ["schedule", "request"])), name="sync_run_trigger"
            ),
        ),
        migrations.AddConstraint(
            model_name="syncrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("refresh__in", ["", "done", "failed", "lost"])), name="sync_run_refresh"
            ),
        ),
    ]
