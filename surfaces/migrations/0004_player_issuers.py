"""Who signs player tokens: issuers, their keys and key sets, and the token ids already used."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import core.principals


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0002_unlogged_limiter_state"),
        ("surfaces", "0003_accounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlayerIssuer",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("name", models.CharField(max_length=120)),
                ("iss", models.CharField(db_collation="C", max_length=255)),
                ("audience", models.CharField(db_collation="C", max_length=255)),
                (
                    "algorithms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("HS256", "HS256 (shared secret)"),
                                ("RS256", "RS256 (RSA)"),
                                ("ES256", "ES256 (P-256)"),
                                ("EdDSA", "EdDSA (Ed25519)"),
                            ],
                            max_length=5,
                        ),
                        size=None,
                    ),
                ),
                (
                    "key_source",
                    models.CharField(
                        choices=[("secret", "Shared secret"), ("public", "Public keys"), ("jwks", "Key set URL (JWKS)")],
                        max_length=6,
                    ),
                ),
                ("jwks_url", models.CharField(blank=True, max_length=2048)),
                ("leeway_seconds", models.PositiveSmallIntegerField(default=30)),
                ("max_age_seconds", models.PositiveIntegerField(default=3600)),
                (
                    "jti_policy",
                    models.CharField(
                        choices=[
                            ("off", "Not looked at"),
                            ("exchange", "Once for an exchange"),
                            ("always", "Once, wherever it is used"),
                        ],
                        default="off",
                        max_length=8,
                    ),
                ),
                ("subject_claim", models.CharField(default="sub", max_length=128)),
                ("email_claim", models.CharField(blank=True, default="email", max_length=128)),
                ("name_claim", models.CharField(blank=True, default="name", max_length=128)),
                ("allows_profile_creation", models.BooleanField(default=False)),
                ("organization_external_id", models.CharField(default="players", max_length=128)),
                ("version", models.BigIntegerField()),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("created_by", models.CharField(blank=True, max_length=150)),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="player_issuers",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "verbose_name": "player issuer",
                "permissions": [
                    ("manage_playerissuer", "Can register player issuers and change their keys"),
                    ("stop_playerissuer", "Can disable player issuers and drop their keys"),
                ],
                "default_permissions": ("view",),
                "indexes": [models.Index(models.F("iss"), name="player_issuer_by_iss")],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("partner"), models.F("iss"), models.F("audience"), name="player_issuer_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="player_issuer_environment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("iss", ""), _negated=True), models.Q(("audience", ""), _negated=True)),
                        name="player_issuer_named",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("key_source__in", ["secret", "public", "jwks"])), name="player_issuer_source_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("jti_policy__in", ["off", "exchange", "always"])), name="player_issuer_jti_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("algorithms__contained_by", ["HS256", "RS256", "ES256", "EdDSA"]), ("algorithms__len__gte", 1)
                        ),
                        name="player_issuer_algorithms",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("algorithms", ["HS256"]), ("key_source", "secret")),
                            models.Q(
                                models.Q(("key_source", "secret"), _negated=True),
                                models.Q(("algorithms__contains", ["HS256"]), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="player_issuer_secret_is_hs256",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(models.Q(("jwks_url", ""), _negated=True), ("key_source", "jwks")),
                            models.Q(models.Q(("key_source", "jwks"), _negated=True), ("jwks_url", "")),
                            _connector="OR",
                        ),
                        name="player_issuer_url_of_jwks",
                    ),
                    models.CheckConstraint(condition=models.Q(("leeway_seconds__lte", 60)), name="player_issuer_leeway"),
                    models.CheckConstraint(
                        condition=models.Q(("max_age_seconds__gte", 30), ("max_age_seconds__lte", 604800)),
                        name="player_issuer_max_age",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("subject_claim", ""), _negated=True),
                            models.Q(("organization_external_id", ""), _negated=True),
                        ),
                        name="player_issuer_mapped",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlayerJti",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("digest", models.BinaryField(max_length=32)),
                ("expires_at", models.DateTimeField()),
                (
                    "issuer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="surfaces.playerissuer",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(models.F("expires_at"), name="player_jti_expiry")],
                "constraints": [
                    models.UniqueConstraint(models.F("issuer"), models.F("digest"), name="player_jti_once"),
                    models.CheckConstraint(condition=models.Q(("digest__length", 32)), name="player_jti_digest"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlayerKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kid", models.CharField(blank=True, db_collation="C", max_length=128)),
                (
                    "algorithm",
                    models.CharField(
                        choices=[
                            ("HS256", "HS256 (shared secret)"),
                            ("RS256", "RS256 (RSA)"),
                            ("ES256", "ES256 (P-256)"),
                            ("EdDSA", "EdDSA (Ed25519)"),
                        ],
                        max_length=5,
                    ),
                ),
                ("sealed", models.BinaryField(null=True)),
                ("jwk", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("created_by", models.CharField(blank=True, max_length=150)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "issuer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="keys", to="surfaces.playerissuer"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("issuer"),
                        models.F("kid"),
                        condition=models.Q(("retired_at", None), models.Q(("kid", ""), _negated=True)),
                        name="player_key_kid_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("algorithm", "HS256"), ("jwk__isnull", True), ("sealed__isnull", False)),
                            models.Q(
                                models.Q(("algorithm", "HS256"), _negated=True),
                                ("jwk__isnull", False),
                                ("sealed__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="player_key_is_one_thing",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="JwksCache",
            fields=[
                (
                    "issuer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="jwks",
                        serialize=False,
                        to="surfaces.playerissuer",
                    ),
                ),
                ("version", models.BigIntegerField()),
                ("document", models.JSONField(default=list)),
                (
                    "dropped_kids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128), default=list, size=None
                    ),
                ),
                ("fetched_at", models.DateTimeField(null=True)),
                ("fresh_until", models.DateTimeField(null=True)),
                ("usable_until", models.DateTimeField(null=True)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("forced_at", models.DateTimeField(null=True)),
                ("lease", models.UUIDField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("failure", models.CharField(blank=True, max_length=32)),
                ("alarmed_at", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(models.F("fresh_until"), name="jwks_by_freshness")],
            },
        ),
    ]
