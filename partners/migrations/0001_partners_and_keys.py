import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import core.credentials
import core.principals
import partners.scopes


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="RateLimitState",
            fields=[
                ("bucket", models.CharField(db_collation="C", max_length=128, primary_key=True, serialize=False)),
                ("tat", models.FloatField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Partner",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("slug", models.SlugField(help_text="The shop handle; part of URLs and headers.", max_length=63, unique=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("suspended", "Suspended")], default="active", max_length=9
                    ),
                ),
                ("auth_epoch", models.PositiveIntegerField(default=0)),
                (
                    "setup_per_minute",
                    models.PositiveIntegerField(blank=True, help_text="Empty: the default of 100.", null=True),
                ),
                (
                    "handshake_per_minute",
                    models.PositiveIntegerField(blank=True, help_text="Empty: the default of 300.", null=True),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                "permissions": [
                    ("suspend_partner", "Can suspend and reactivate partners"),
                    ("emergency_revoke_partner", "Can revoke everything of a partner at once"),
                ],
                "default_permissions": ("add", "change", "view"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("slug__regex", "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")), name="partner_slug_form"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["active", "suspended"])), name="partner_status_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("setup_per_minute", None), ("setup_per_minute__gte", 1), _connector="OR"),
                        name="partner_setup_limit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("handshake_per_minute", None), ("handshake_per_minute__gte", 1), _connector="OR"),
                        name="partner_handshake_limit",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("family_id", models.BigIntegerField(editable=False)),
                ("scopes", partners.scopes.ScopesField(default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("rotated_at", models.DateTimeField(blank=True, null=True)),
                ("grace_until", models.DateTimeField(blank=True, null=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("setup_per_minute", models.PositiveIntegerField(blank=True, null=True)),
                ("handshake_per_minute", models.PositiveIntegerField(blank=True, null=True)),
                ("pepper_id", models.PositiveSmallIntegerField()),
                ("generation", models.PositiveSmallIntegerField(default=1)),
                ("expiry_warned_days", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("is_imported", models.BooleanField(default=False)),
                ("kid", models.CharField(db_collation="C", max_length=12)),
                ("digest", models.BinaryField(max_length=32)),
                ("kind", models.CharField(choices=[("sk", "Partner (sk)"), ("ak", "Surface (ak)")], max_length=2)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("name", models.CharField(max_length=120)),
                (
                    "networks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=49), blank=True, null=True, size=None
                    ),
                ),
                ("created_by", models.CharField(blank=True, max_length=150)),
                (
                    "revoke_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("compromise", "Compromised"),
                            ("superseded", "Replaced by a newer key"),
                            ("affiliation_changed", "Partner relationship changed"),
                            ("privilege_withdrawn", "Access withdrawn"),
                            ("cessation_of_operation", "No longer in use"),
                        ],
                        max_length=32,
                        null=True,
                    ),
                ),
                ("last_used_network", models.CharField(blank=True, max_length=49, null=True)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="keys", to="partners.partner"
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "permissions": [
                    ("issue_apikey", "Can issue and import API keys"),
                    ("rotate_apikey", "Can rotate, pause and resume API keys"),
                    ("revoke_apikey", "Can revoke API keys"),
                ],
                "default_permissions": ("view",),
                "indexes": [models.Index(models.F("partner"), models.F("environment"), name="apikey_partner")],
                "constraints": [
                    models.UniqueConstraint(models.F("kid"), name="apikey_kid_once"),
                    models.CheckConstraint(condition=models.Q(("digest__length", 32)), name="apikey_digest_length"),
                    models.CheckConstraint(condition=models.Q(("kid__regex", "^[0-9A-Za-z]{12}$")), name="apikey_kid_form"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", [core.credentials.KeyKind["SECRET"], core.credentials.KeyKind["SURFACE"]])
                        ),
                        name="apikey_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="apikey_environment_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("revoke_reason", None), ("revoked_at", None)),
                            models.Q(
                                (
                                    "revoke_reason__in",
                                    [
                                        "compromise",
                                        "superseded",
                                        "affiliation_changed",
                                        "privilege_withdrawn",
                                        "cessation_of_operation",
                                    ],
                                ),
                                ("revoke_reason__isnull", False),
                                ("revoked_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="apikey_revoked_with_reason",
                    ),
                    models.UniqueConstraint(
                        models.F("digest"), condition=models.Q(("is_imported", True)), name="apikey_imported_once"
                    ),
                    models.UniqueConstraint(
                        models.F("family_id"),
                        models.F("generation"),
                        condition=models.Q(("generation__gt", 1)),
                        name="apikey_generation_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("setup_per_minute", None), ("setup_per_minute__gte", 1), _connector="OR"),
                        name="apikey_setup_limit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("handshake_per_minute", None), ("handshake_per_minute__gte", 1), _connector="OR"),
                        name="apikey_handshake_limit",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PartnerContact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[("technical", "Technical"), ("security", "Security"), ("business", "Business")],
                        default="technical",
                        max_length=9,
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="contacts", to="partners.partner"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(models.F("partner"), models.F("email"), name="contact_once")],
            },
        ),
        migrations.CreateModel(
            name="PartnerOrigin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("origin", models.CharField(max_length=255)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="origins", to="partners.partner"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("partner"), models.F("environment"), models.F("origin"), name="origin_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("origin__regex", "^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$"),
                            models.Q(
                                ("environment", "test"), ("origin__regex", "^http://(localhost|127\\.0\\.0\\.1):[0-9]{1,5}$")
                            ),
                            _connector="OR",
                        ),
                        name="origin_is_exact",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="KeyUsage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField()),
                ("outcome", models.CharField(max_length=32)),
                ("endpoint", models.CharField(max_length=64)),
                ("network", models.CharField(blank=True, max_length=49)),
                ("count", models.PositiveBigIntegerField()),
                (
                    "key",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="usage", to="partners.apikey"),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [models.Index(models.F("hour"), name="usage_hour")],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("key"),
                        models.F("hour"),
                        models.F("outcome"),
                        models.F("endpoint"),
                        models.F("network"),
                        name="usage_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyRecord",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("operation", models.CharField(max_length=64)),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.BinaryField(max_length=32)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("answer", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("partner", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="partners.partner")),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(models.F("created_at"), name="idempotency_age")],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("partner"),
                        models.F("environment"),
                        models.F("operation"),
                        models.F("key"),
                        name="idempotency_once",
                    )
                ],
            },
        ),
    ]
