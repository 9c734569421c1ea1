"""Who may use which surface: granting and withdrawing, for all of a surface or for one route of it."""

from uuid import UUID

from django.db import transaction
from django.db.models import Q

from audit.events import EventType
from audit.services import Act, record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor, Environment
from partners.errors import PartnerNotFoundError
from partners.models import Partner
from surfaces.errors import RouteNotFoundError
from surfaces.models import Entitlement, Route
from surfaces.names import SurfaceName
from surfaces.services.rulebook import change_rules, lock_rules


def grant_surface(
    partner_id: UUID,
    *,
    environment: Environment,
    surface: SurfaceName,
    route_id: int | None = None,
    reason: str = "",
    actor: Actor,
) -> Entitlement:
    """Let a tenant use a surface in one environment, or one route of it. Safe to call twice: nothing granted, nothing recorded.

    Raises: PartnerNotFoundError; RouteNotFoundError; InvalidRequestError when the route is another surface's.
    """
    with transaction.atomic():
        lock_rules()
        _check_partner(partner_id)
        _check_route(route_id, surface)
        what = {"partner_id": partner_id, "environment": environment.value, "surface_id": surface.number, "route_id": route_id}
        entitlement, is_new = Entitlement.objects.get_or_create(**what, defaults={"granted_by": actor.label or actor.id})
        if is_new:
            change_rules()
            record(_act(EventType.ENTITLEMENT_GRANTED, entitlement, actor, reason))
    return Entitlement.objects.select_related("surface", "route").get(pk=entitlement.pk)


def withdraw_surface(
    partner_id: UUID,
    *,
    environment: Environment,
    surface: SurfaceName,
    route_id: int | None = None,
    reason: str = "",
    actor: Actor,
) -> bool:
    """Take a surface, or one route of it, from a tenant, and leave it the rest. Tell whether there was something to take."""
    with transaction.atomic():
        lock_rules()
        what = Q(partner_id=partner_id, environment=environment.value, surface_id=surface.number, route_id=route_id)
        held = Entitlement.objects.select_related("surface", "route").filter(what)
        entitlement = held.first()
        if entitlement is None:
            return False
        change_rules()
        record(_act(EventType.ENTITLEMENT_WITHDRAWN, entitlement, actor, reason))
        held.delete()
    return True


def _check_partner(partner_id: UUID) -> None:
    if not Partner.objects.filter(pk=partner_id).exists():
        raise PartnerNotFoundError


def _check_route(route_id: int | None, surface: SurfaceName) -> None:
    if route_id is None:
        return
    route = Route.objects.filter(pk=route_id).first()
    if route is None:
        raise RouteNotFoundError
    if route.surface_id != surface.number:
        raise InvalidRequestError(details=[FieldProblem("route", f"This route belongs to another surface than {surface}.")])


def _act(event: EventType, entitlement: Entitlement, actor: Actor, reason: str) -> Act:
    data = {"surface": entitlement.surface.name, "route": str(entitlement.route) if entitlement.route else None}
    subject = f"{entitlement.surface.name}:{entitlement.environment}"
    partner_id: UUID = entitlement.partner_id
    return Act(event, actor, partner_id, entitlement.environment, "entitlement", subject, reason, data)
