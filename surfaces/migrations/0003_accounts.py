"""Accounts and clients that get access tokens, and the sessions of customers who signed in."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models

import core.principals
import partners.scopes


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0001_organizations_and_profiles"),
        ("partners", "0002_unlogged_limiter_state"),
        ("surfaces", "0002_seed"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomerAccount",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("email", models.EmailField(max_length=254)),
                ("password", models.CharField(blank=True, max_length=160)),
                ("password_set_at", models.DateTimeField(blank=True, null=True)),
                ("epoch", models.PositiveIntegerField(default=0)),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("created_by", models.CharField(blank=True, max_length=150)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="customer_accounts",
                        to="partners.partner",
                    ),
                ),
                (
                    "profile",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="customer_account", to="organizations.profile"
                    ),
                ),
            ],
            options={
                "verbose_name": "customer account",
                "permissions": [
                    ("manage_customer", "Can create customer accounts, set their passwords, and allow password logins"),
                    ("disable_customer", "Can disable customer accounts and end their sessions"),
                ],
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("partner"),
                        models.F("environment"),
                        django.db.models.functions.text.Lower("email"),
                        name="customer_email_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="customer_environment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="KnownLogin",
            fields=[
                ("digest", models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ("last_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(models.F("last_at"), name="known_login_age")],
                "constraints": [models.CheckConstraint(condition=models.Q(("digest__length", 32)), name="known_login_length")],
            },
        ),
        migrations.CreateModel(
            name="LoginPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("allows_customer_passwords", models.BooleanField(default=False)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="login_policies",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "verbose_name": "login policy",
                "verbose_name_plural": "login policies",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(models.F("partner"), models.F("environment"), name="login_policy_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="login_policy_environment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LoginSession",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                (
                    "origin",
                    models.CharField(
                        choices=[("password", "E-mail and password"), ("player", "A token of the partner's own issuer")],
                        max_length=8,
                    ),
                ),
                ("issuer_id", models.UUIDField(blank=True, null=True)),
                ("partner_epoch", models.PositiveIntegerField()),
                ("profile_epoch", models.PositiveIntegerField()),
                ("account_epoch", models.PositiveIntegerField(default=0)),
                ("pepper_id", models.PositiveSmallIntegerField(null=True)),
                ("generation", models.PositiveIntegerField(default=0)),
                ("handle_digest", models.BinaryField(max_length=32, null=True)),
                ("rotated_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
                            ("refresh_reused", "An outdated refresh token came back"),
                        ],
                        db_default="",
                        default="",
                        max_length=16,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="surfaces.customeraccount",
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="login_sessions", to="organizations.profile"
                    ),
                ),
            ],
            options={
                "verbose_name": "customer session",
                "permissions": [("revoke_loginsession", "Can revoke customer sessions")],
                "default_permissions": ("view",),
                "indexes": [models.Index(models.F("idle_expires_at"), name="login_idle_expiry")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("handle_digest", None), ("pepper_id", None)),
                            models.Q(("handle_digest__length", 32), ("pepper_id__isnull", False)),
                            _connector="OR",
                        ),
                        name="login_handle_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("idle_expires_at__lte", models.F("expires_at"))), name="login_idle_first"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("end_reason", ""), ("ended_at", None)),
                            models.Q(("ended_at__isnull", False), models.Q(("end_reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="login_ended_with_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("account__isnull", False), ("origin", "password")),
                            models.Q(("account", None), ("origin", "player")),
                            _connector="OR",
                        ),
                        name="login_origin_has_account",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="login_environment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ResellerAccount",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("email", models.EmailField(max_length=254)),
                ("name", models.CharField(blank=True, max_length=120)),
                ("password", models.CharField(blank=True, max_length=160)),
                ("password_set_at", models.DateTimeField(blank=True, null=True)),
                ("scopes", partners.scopes.ScopesField(default=0)),
                ("is_api_enabled", models.BooleanField(default=True)),
                ("epoch", models.PositiveIntegerField(default=0)),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("created_by", models.CharField(blank=True, max_length=150)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reseller_accounts", to="partners.partner"
                    ),
                ),
            ],
            options={
                "verbose_name": "reseller account",
                "permissions": [
                    ("manage_reseller", "Can create reseller accounts and clients, and set their secrets"),
                    ("disable_reseller", "Can disable reseller accounts and clients, and end their tokens"),
                ],
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(django.db.models.functions.text.Lower("email"), name="reseller_email_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="reseller_environment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ResellerClient",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("client_id", models.CharField(db_collation="C", max_length=32, unique=True)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("name", models.CharField(max_length=120)),
                ("scopes", partners.scopes.ScopesField(default=0)),
                ("epoch", models.PositiveIntegerField(default=0)),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("created_by", models.CharField(blank=True, max_length=150)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reseller_clients", to="partners.partner"
                    ),
                ),
            ],
            options={
                "verbose_name": "reseller client",
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("client_id__regex", "^rc_(live|test)_[0-9A-Za-z]{16}$")), name="client_id_form"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="client_environment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ClientSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.BinaryField(max_length=32)),
                ("pepper_id", models.PositiveSmallIntegerField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="secrets", to="surfaces.resellerclient"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(models.F("digest"), name="client_secret_once"),
                    models.CheckConstraint(condition=models.Q(("digest__length", 32)), name="client_secret_length"),
                ],
            },
        ),
    ]
