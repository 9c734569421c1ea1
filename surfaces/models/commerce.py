"""The commerce data behind the endpoints this service serves itself: products, orders, payments of a tenant."""

import uuid

from django.db import models
from django.db.models.functions import Now

from core.principals import Environment
from partners.models import ENVIRONMENTS, Partner

CURRENCY_FORM = r"^[A-Z]{3}$"


class Product(models.Model):
    """Something a tenant sells. Storefronts see what is listed; suppliers see everything, with its stock."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="products", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    price_minor = models.PositiveBigIntegerField(help_text="In the currency's smallest unit.")
    currency = models.CharField(max_length=3)
    stock = models.PositiveIntegerField(default=0)
    is_listed = models.BooleanField(default=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint("partner", "environment", "sku", name="product_once"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="product_environment"),
            models.CheckConstraint(condition=models.Q(currency__regex=CURRENCY_FORM), name="product_currency"),
        ]

    def __str__(self) -> str:
        return self.sku


class OrderStatus(models.TextChoices):
    """An order may begin empty; with something in it, it is placed."""

    DRAFT = "draft", "Draft"
    PLACED = "placed", "Placed"


class Order(models.Model):
    """An order of a tenant. `made_by` is the subject of the token it came with: only that subject lists it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="orders", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    made_by = models.CharField(max_length=255)
    status = models.CharField(max_length=8, choices=OrderStatus.choices)
    # [{"sku", "quantity", "price_minor", "currency"}]; a price is null where the sku was not in the catalogue.
    items = models.JSONField(default=list)
    reference = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=OrderStatus.values), name="order_status_known"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="order_environment"),
            models.UniqueConstraint(
                "partner", "environment", "made_by", "reference", name="order_reference_once", condition=~models.Q(reference="")
            ),
        ]
        indexes = [models.Index("partner", "environment", "made_by", "created_at", name="order_of_subject")]

    def __str__(self) -> str:
        return str(self.id)


class Payment(models.Model):
    """A payment a tenant's integration announced; its reference makes a repeated call recognisable."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="payments", db_index=False)
    environment = models.CharField(max_length=4, choices=ENVIRONMENTS)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="payments")
    amount_minor = models.PositiveBigIntegerField(help_text="In the currency's smallest unit.")
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=128, blank=True)
    made_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gte=1), name="payment_amount"),
            models.CheckConstraint(condition=models.Q(currency__regex=CURRENCY_FORM), name="payment_currency"),
            models.CheckConstraint(condition=models.Q(environment__in=list(Environment)), name="payment_environment"),
            models.UniqueConstraint(
                "partner", "environment", "reference", name="payment_reference_once", condition=~models.Q(reference="")
            ),
        ]
        indexes = [models.Index("partner", "environment", "created_at", name="payment_of_tenant")]

    def __str__(self) -> str:
        return str(self.id)
