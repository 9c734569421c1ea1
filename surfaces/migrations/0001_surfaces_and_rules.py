import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import core.errors
import core.principals
import surfaces.names


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("partners", "0002_unlogged_limiter_state"),
    ]

    operations = [
        migrations.CreateModel(
            name="GatewayPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.SlugField(max_length=32, unique=True)),
                (
                    "dialect",
                    models.CharField(
                        choices=[("nginx", "Nginx"), ("caddy", "Caddy"), ("traefik", "Traefik"), ("envoy", "Envoy")],
                        max_length=8,
                    ),
                ),
                (
                    "surfaces",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("audience", models.CharField(blank=True, max_length=200)),
                ("is_enabled", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name": "gateway policy",
                "verbose_name_plural": "gateway policies",
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "dialect__in",
                                [
                                    surfaces.names.Dialect["NGINX"],
                                    surfaces.names.Dialect["CADDY"],
                                    surfaces.names.Dialect["TRAEFIK"],
                                    surfaces.names.Dialect["ENVOY"],
                                ],
                            )
                        ),
                        name="policy_dialect_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")), name="policy_name_form"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("made_by", models.CharField(max_length=255)),
                ("status", models.CharField(choices=[("draft", "Draft"), ("placed", "Placed")], max_length=8)),
                ("items", models.JSONField(default=list)),
                ("reference", models.CharField(blank=True, max_length=128)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        models.F("partner"),
                        models.F("environment"),
                        models.F("made_by"),
                        models.F("created_at"),
                        name="order_of_subject",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("status__in", ["draft", "placed"])), name="order_status_known"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="order_environment",
                    ),
                    models.UniqueConstraint(
                        models.F("partner"),
                        models.F("environment"),
                        models.F("made_by"),
                        models.F("reference"),
                        condition=models.Q(("reference", ""), _negated=True),
                        name="order_reference_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("amount_minor", models.PositiveBigIntegerField(help_text="In the currency's smallest unit.")),
                ("currency", models.CharField(max_length=3)),
                ("reference", models.CharField(blank=True, max_length=128)),
                ("made_by", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "order",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="surfaces.order",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(models.F("partner"), models.F("environment"), models.F("created_at"), name="payment_of_tenant")
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount_minor__gte", 1)), name="payment_amount"),
                    models.CheckConstraint(condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="payment_currency"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="payment_environment",
                    ),
                    models.UniqueConstraint(
                        models.F("partner"),
                        models.F("environment"),
                        models.F("reference"),
                        condition=models.Q(("reference", ""), _negated=True),
                        name="payment_reference_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("sku", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=200)),
                ("price_minor", models.PositiveBigIntegerField(help_text="In the currency's smallest unit.")),
                ("currency", models.CharField(max_length=3)),
                ("stock", models.PositiveIntegerField(default=0)),
                ("is_listed", models.BooleanField(default=True)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="products",
                        to="partners.partner",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(models.F("partner"), models.F("environment"), models.F("sku"), name="product_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="product_environment",
                    ),
                    models.CheckConstraint(condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="product_currency"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Rulebook",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("edits", models.PositiveIntegerField(default=0)),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="rulebook_is_one")],
            },
        ),
        migrations.CreateModel(
            name="Surface",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                (
                    "name",
                    models.CharField(
                        choices=[
                            ("reseller", "Reseller"),
                            ("storefront", "Storefront"),
                            ("payment", "Payment"),
                            ("supplier", "Supplier"),
                        ],
                        max_length=16,
                        unique=True,
                    ),
                ),
                (
                    "mechanism",
                    models.CharField(choices=[("jwt", "Access token (Bearer)"), ("api_key", "Surface API key")], max_length=8),
                ),
                ("takes_player_tokens", models.BooleanField(default=False)),
                (
                    "error_family",
                    models.CharField(
                        choices=[("platform", "Platform (numbers)"), ("partner", "Partner (names)")], max_length=8
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=200)),
                ("is_enabled", models.BooleanField(default=True)),
            ],
            options={
                "permissions": [("edit_rules", "Can edit the rules of the surfaces")],
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "name__in",
                                [
                                    surfaces.names.SurfaceName["RESELLER"],
                                    surfaces.names.SurfaceName["STOREFRONT"],
                                    surfaces.names.SurfaceName["PAYMENT"],
                                    surfaces.names.SurfaceName["SUPPLIER"],
                                ],
                            )
                        ),
                        name="surface_name_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mechanism__in", [surfaces.names.Mechanism["JWT"], surfaces.names.Mechanism["API_KEY"]])
                        ),
                        name="surface_mechanism_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("error_family__in", [core.errors.ErrorFamily["PARTNER"], core.errors.ErrorFamily["PLATFORM"]])
                        ),
                        name="surface_family_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("GET", "GET"),
                            ("POST", "POST"),
                            ("PUT", "PUT"),
                            ("PATCH", "PATCH"),
                            ("DELETE", "DELETE"),
                            ("HEAD", "HEAD"),
                            ("OPTIONS", "OPTIONS"),
                            ("ANY", "ANY"),
                        ],
                        max_length=7,
                    ),
                ),
                ("pattern", models.CharField(max_length=200)),
                ("shape", models.CharField(editable=False, max_length=200)),
                ("scope", models.CharField(blank=True, max_length=32)),
                ("calls_per_minute", models.PositiveIntegerField(blank=True, null=True)),
                ("description", models.CharField(blank=True, max_length=200)),
                ("is_enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "surface",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="routes", to="surfaces.surface"
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(models.F("method"), models.F("shape"), name="route_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "method__in",
                                [
                                    surfaces.names.Method["GET"],
                                    surfaces.names.Method["POST"],
                                    surfaces.names.Method["PUT"],
                                    surfaces.names.Method["PATCH"],
                                    surfaces.names.Method["DELETE"],
                                    surfaces.names.Method["HEAD"],
                                    surfaces.names.Method["OPTIONS"],
                                    surfaces.names.Method["ANY"],
                                ],
                            )
                        ),
                        name="route_method_known",
                    ),
                    models.CheckConstraint(condition=models.Q(("pattern__startswith", "/")), name="route_pattern_rooted"),
                    models.CheckConstraint(
                        condition=models.Q(("calls_per_minute", None), ("calls_per_minute__gte", 1), _connector="OR"),
                        name="route_limit",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Entitlement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("granted_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("granted_by", models.CharField(blank=True, max_length=150)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="entitlements",
                        to="partners.partner",
                    ),
                ),
                (
                    "route",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlements",
                        to="surfaces.route",
                    ),
                ),
                (
                    "surface",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entitlements", to="surfaces.surface"
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("grant_entitlement", "Can entitle tenants to surfaces"),
                    ("withdraw_entitlement", "Can withdraw entitlements"),
                ],
                "default_permissions": ("view",),
                "indexes": [models.Index(models.F("partner"), models.F("environment"), name="entitlement_tenant")],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("partner"),
                        models.F("environment"),
                        models.F("surface"),
                        condition=models.Q(("route", None)),
                        name="entitlement_surface_once",
                    ),
                    models.UniqueConstraint(
                        models.F("partner"),
                        models.F("environment"),
                        models.F("route"),
                        condition=models.Q(("route__isnull", False)),
                        name="entitlement_route_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="entitlement_environment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TenantHost",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host", models.CharField(max_length=253, unique=True)),
                ("environment", models.CharField(choices=[("live", "Live"), ("test", "Test")], max_length=4)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tenant_hosts", to="partners.partner"
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("host__regex", "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
                        ),
                        name="tenant_host_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("environment__in", [core.principals.Environment["LIVE"], core.principals.Environment["TEST"]])
                        ),
                        name="tenant_host_environment",
                    ),
                ],
            },
        ),
    ]
