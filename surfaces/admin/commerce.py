"""Products, orders and payments of the tenants, to look at: they are made through the surfaces."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import NOTHING, badge, code, environment_tag, exact_moment, link, moment, thousands
from audit.admin_filters import EnvironmentFilter
from audit.models import Event
from partners.admin.filters import PartnerFilter
from surfaces.models import Order, Payment, Product


class TenantRowAdmin(ConsoleAdmin):
    """What the three lists have in common."""

    list_filter = (EnvironmentFilter, PartnerFilter)
    list_select_related = ("partner",)

    @admin.display(description="Env.")
    def environment_tag(self, row: Any) -> SafeString:
        return environment_tag(row.environment)

    @admin.display(description="Partner")
    def tenant(self, row: Any) -> SafeString:
        return link(row.partner.name, "partners_partner_change", row.partner_id)

    @admin.display(description="Made", ordering="created_at")
    def made(self, row: Any) -> SafeString:
        return moment(row.created_at)


@admin.register(Product)
class ProductAdmin(TenantRowAdmin):
    list_display = ("sku_text", "name", "environment_tag", "tenant", "price", "in_stock", "listed")
    search_fields = ("sku", "name")
    ordering = ("partner_id", "environment", "sku")

    @admin.display(description="SKU", ordering="sku")
    def sku_text(self, row: Product) -> SafeString:
        return code(row.sku)

    @admin.display(description="Price", ordering="price_minor")
    def price(self, row: Product) -> str:
        return _money(row.price_minor, row.currency)

    @admin.display(description="Stock", ordering="stock")
    def in_stock(self, row: Product) -> str:
        return thousands(row.stock)

    @admin.display(description="Storefront")
    def listed(self, row: Product) -> SafeString:
        return badge("listed", tone="ok") if row.is_listed else badge("hidden")

    def dossier(self, request: HttpRequest, row: Product) -> Dossier:
        facts = [
            Fact("SKU", code(row.sku)),
            Fact("Name", row.name),
            Fact("Partner", self.tenant(row)),
            Fact("Price", _money(row.price_minor, row.currency)),
            Fact("Stock", thousands(row.stock)),
        ]
        tags = [environment_tag(row.environment), self.listed(row)]
        return Dossier(row.name, tags, [Section("Product", facts, is_wide=True)], environment=row.environment)


@admin.register(Order)
class OrderAdmin(TenantRowAdmin):
    list_display = ("order_id", "status_badge", "environment_tag", "tenant", "line_count", "reference", "made")
    search_fields = ("id", "reference", "made_by")
    ordering = ("-created_at",)

    @admin.display(description="Order")
    def order_id(self, row: Order) -> SafeString:
        return code(str(row.pk)[:8])

    @admin.display(description="Status", ordering="status")
    def status_badge(self, row: Order) -> SafeString:
        return badge(row.get_status_display(), tone="ok" if row.status == "placed" else "plain")

    @admin.display(description="Lines")
    def line_count(self, row: Order) -> str:
        return thousands(len(row.items))

    def dossier(self, request: HttpRequest, row: Order) -> Dossier:
        facts = [
            Fact("Order id", code(row.pk)),
            Fact("Partner", self.tenant(row)),
            Fact("Made by", code(row.made_by)),
            Fact("Reference", row.reference or NOTHING),
            Fact("Made", exact_moment(row.created_at)),
        ]
        lines: list[list[str | SafeString]] = [
            [code(line["sku"]), thousands(line["quantity"]), _price_of(line)] for line in row.items
        ]
        table = Table(["SKU", "Quantity", "Price"], lines, empty="It began empty.")
        return Dossier(
            title=f"Order {str(row.pk)[:8]}",
            tags=[self.status_badge(row), environment_tag(row.environment)],
            sections=[Section("Order", facts), Section("Lines", table=table)],
            environment=row.environment,
            ledger=Event.objects.about("order", str(row.pk)).newest_first(),
            ledger_url=f"?subject={row.pk}",
        )


@admin.register(Payment)
class PaymentAdmin(TenantRowAdmin):
    list_display = ("payment_id", "amount", "environment_tag", "tenant", "reference", "key_link", "made")
    search_fields = ("id", "reference", "made_by")
    ordering = ("-created_at",)

    @admin.display(description="Payment")
    def payment_id(self, row: Payment) -> SafeString:
        return code(str(row.pk)[:8])

    @admin.display(description="Amount", ordering="amount_minor")
    def amount(self, row: Payment) -> str:
        return _money(row.amount_minor, row.currency)

    @admin.display(description="Made by")
    def key_link(self, row: Payment) -> SafeString:
        return link(code(row.made_by), "partners_apikey_change", row.made_by)

    def dossier(self, request: HttpRequest, row: Payment) -> Dossier:
        order = link(code(row.order_id), "surfaces_order_change", row.order_id) if row.order_id else NOTHING
        facts = [
            Fact("Payment id", code(row.pk)),
            Fact("Partner", self.tenant(row)),
            Fact("Amount", _money(row.amount_minor, row.currency)),
            Fact("Order", order),
            Fact("Reference", row.reference or NOTHING),
            Fact("Made by key", self.key_link(row)),
            Fact("Made", exact_moment(row.created_at)),
        ]
        return Dossier(
            title=f"Payment {str(row.pk)[:8]}",
            tags=[environment_tag(row.environment)],
            sections=[Section("Payment", facts, is_wide=True)],
            environment=row.environment,
            ledger=Event.objects.about("payment", str(row.pk)).newest_first(),
            ledger_url=f"?subject={row.pk}",
        )


def _money(amount_minor: int, currency: str) -> str:
    return f"{thousands(amount_minor)} {currency} (minor units)"


def _price_of(line: dict[str, Any]) -> str | SafeString:
    return _money(line["price_minor"], line["currency"]) if line["price_minor"] is not None else NOTHING
