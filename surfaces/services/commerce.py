"""What callers of the surfaces do with a tenant's commerce data: order, pay, look at products."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model, Q, QuerySet

from audit.events import EventType
from audit.services import Act, record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor
from surfaces.errors import ReferenceTakenError
from surfaces.models import Order, OrderStatus, Payment, Product
from surfaces.verification import Proven

DEFAULT_PAGE: Final = 50
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """How many of what."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PaymentWish:
    """A payment as announced; the amount is in the currency's smallest unit."""

    amount_minor: int
    currency: str
    reference: str = ""
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and whether more follow."""

    rows: list[Row]
    has_more: bool


def create_order(proven: Proven, *, lines: Sequence[OrderLine], reference: str, actor: Actor) -> Order:
    """Create an order of the caller's own; one without lines is a draft. Prices are those of the catalogue at this moment.

    Raises: ReferenceTakenError when the caller has an order of this reference.
    """
    order = Order(
        partner_id=proven.partner_id,
        environment=proven.environment,
        made_by=proven.subject,
        status=OrderStatus.PLACED if lines else OrderStatus.DRAFT,
        items=_priced(proven, lines),
        reference=reference,
    )
    same = Order.objects.filter(made_by=proven.subject)
    _create(order, same=same, event=EventType.TENANT_ORDER_CREATED, subject="order", actor=actor)
    return Order.objects.get(pk=order.pk)


def list_orders(proven: Proven, *, limit: int = DEFAULT_PAGE, before: UUID | None = None) -> Page[Order]:
    """The caller's own orders, newest first, from the one after `before` on."""
    mine = Order.objects.filter(partner_id=proven.partner_id, environment=proven.environment, made_by=proven.subject)
    last = mine.filter(pk=before).first() if before else None
    rows = mine.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)) if last else mine
    return _page(rows.order_by("-created_at", "-pk"), limit)


def create_payment(proven: Proven, *, wish: PaymentWish, actor: Actor) -> Payment:
    """Record a payment of the tenant.

    Raises: ReferenceTakenError when the tenant has a payment of this reference; InvalidRequestError when the order is not the
    tenant's.
    """
    orders = Order.objects.filter(partner_id=proven.partner_id, environment=proven.environment)
    if wish.order_id is not None and not orders.filter(pk=wish.order_id).exists():
        raise InvalidRequestError(reason="field", details=[FieldProblem("order_id", "No order of yours has this id.")])
    payment = Payment(
        partner_id=proven.partner_id,
        environment=proven.environment,
        made_by=proven.subject,
        order_id=wish.order_id,
        amount_minor=wish.amount_minor,
        currency=wish.currency,
        reference=wish.reference,
    )
    event = EventType.TENANT_PAYMENT_CREATED
    _create(payment, same=Payment.objects.all(), event=event, subject="payment", actor=actor)
    return Payment.objects.get(pk=payment.pk)


def list_products(proven: Proven, *, limit: int = DEFAULT_PAGE, after: str = "", is_listed_only: bool) -> Page[Product]:
    """The tenant's products by sku, from the one after `after` on."""
    rows = Product.objects.filter(partner_id=proven.partner_id, environment=proven.environment, sku__gt=after)
    return _page((rows.filter(is_listed=True) if is_listed_only else rows).order_by("sku"), limit)


def _priced(proven: Proven, lines: Sequence[OrderLine]) -> list[dict[str, object]]:
    """The lines with today's prices; an sku outside the catalogue may be ordered and has none."""
    wanted = [line.sku for line in lines]
    found = Product.objects.filter(partner_id=proven.partner_id, environment=proven.environment, sku__in=wanted)
    known = {each.sku: each for each in found} if wanted else {}
    return [
        {
            "sku": line.sku,
            "quantity": line.quantity,
            "price_minor": known[line.sku].price_minor if line.sku in known else None,
            "currency": known[line.sku].currency if line.sku in known else None,
        }
        for line in lines
    ]


def _create(row: Order | Payment, *, same: QuerySet[Any], event: EventType, subject: str, actor: Actor) -> None:
    data = {"reference": row.reference} if row.reference else {}
    act = Act(event, actor, row.partner_id, row.environment, subject, str(row.pk), "", data)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            record(act)
    except IntegrityError as error:
        same = same.filter(partner_id=row.partner_id, environment=row.environment, reference=row.reference)
        known = same.first() if row.reference else None
        if known is None:
            raise
        raise ReferenceTakenError(reason="reference_taken", extra={"id": str(known.pk)}) from error


def _page(rows: QuerySet[Row], limit: int) -> Page[Row]:
    found = list(rows[: limit + 1])
    return Page(found[:limit], len(found) > limit)
