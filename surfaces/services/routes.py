"""The life of a rule: create, change, switch off and on. Rules are never deleted: what was entitled to one stays readable."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import Act, record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor
from partners.scopes import Scope
from surfaces.errors import RouteExistsError, RouteNotFoundError
from surfaces.models import Entitlement, Route
from surfaces.models.rules import MAX_PATTERN_CHARS
from surfaces.names import Method, SurfaceName
from surfaces.paths import parse_pattern
from surfaces.services.rulebook import change_rules, lock_rules


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """What a rule says. Without `scope` any caller of the surface may pass; without `calls_per_minute` there is no limit."""

    surface: SurfaceName
    method: Method
    pattern: str
    scope: Scope | None = None
    calls_per_minute: int | None = None
    description: str = ""


def create_route(spec: RouteSpec, *, reason: str = "", actor: Actor) -> Route:
    """Add a rule, in force from the next request on.

    Raises: RouteExistsError when another rule decides the same requests; InvalidRequestError naming what is wrong.
    """
    fields = _fields(spec)
    try:
        with transaction.atomic():
            lock_rules()
            route = Route.objects.create(**fields)
            change_rules()
            record(_act(EventType.ROUTE_CREATED, route, actor, reason=reason, data=_said(route)))
    except IntegrityError as error:
        raise RouteExistsError(reason="route_exists") from error
    return find_route_by_id(route.pk)


def update_route(route_id: int, *, spec: RouteSpec, reason: str = "", actor: Actor) -> Route:
    """Change what a rule says; what was before stands in the ledger. Nothing changed, nothing recorded.

    Entitlements to the rule alone go with it, to another surface too.
    Raises: RouteNotFoundError; RouteExistsError; InvalidRequestError.
    """
    fields = _fields(spec)
    try:
        with transaction.atomic():
            lock_rules()
            before = _said(find_route_by_id(route_id))
            Route.objects.filter(pk=route_id).update(**fields, updated_at=Now())
            Entitlement.objects.filter(route_id=route_id).update(surface_id=spec.surface.number)
            _record_change(route_id, before, actor, reason)
    except IntegrityError as error:
        raise RouteExistsError(reason="route_exists") from error
    return find_route_by_id(route_id)


def disable_route(route_id: int, *, reason: str = "", actor: Actor) -> Route:
    """Refuse what a rule decides, and keep less specific rules from deciding it. Safe to call twice.

    Raises: RouteNotFoundError.
    """
    return _switch(route_id, is_enabled=False, reason=reason, actor=actor)


def enable_route(route_id: int, *, reason: str = "", actor: Actor) -> Route:
    """Let a rule decide again. Safe to call twice.

    Raises: RouteNotFoundError.
    """
    return _switch(route_id, is_enabled=True, reason=reason, actor=actor)


def find_route(method: str, pattern: str) -> Route:
    """Find a rule by its method and path, as they are written in it.

    Raises: RouteNotFoundError.
    """
    route = Route.objects.select_related("surface").filter(method=method, pattern=pattern).first()
    if route is None:
        raise RouteNotFoundError
    return route


def find_route_by_id(route_id: int) -> Route:
    """Find a rule by its id.

    Raises: RouteNotFoundError.
    """
    route = Route.objects.select_related("surface").filter(pk=route_id).first()
    if route is None:
        raise RouteNotFoundError
    return route


def _switch(route_id: int, *, is_enabled: bool, reason: str, actor: Actor) -> Route:
    with transaction.atomic():
        lock_rules()
        before = _said(find_route_by_id(route_id))
        Route.objects.filter(pk=route_id).update(is_enabled=is_enabled, updated_at=Now())
        _record_change(route_id, before, actor, reason)
    return find_route_by_id(route_id)


def _record_change(route_id: int, before: Mapping[str, object], actor: Actor, reason: str) -> None:
    route = find_route_by_id(route_id)
    after = _said(route)
    changed = {name: {"before": before[name], "after": after[name]} for name in after if before[name] != after[name]}
    if changed:
        change_rules()
        record(_act(EventType.ROUTE_UPDATED, route, actor, reason=reason, data=changed))


def _fields(spec: RouteSpec) -> dict[str, Any]:
    problems = []
    shape = ""
    try:
        shape = parse_pattern(spec.pattern).shape
    except ValueError as error:
        problems.append(FieldProblem("pattern", str(error)))
    if len(spec.pattern) > MAX_PATTERN_CHARS:
        problems.append(FieldProblem("pattern", f"A path has at most {MAX_PATTERN_CHARS} characters."))
    if spec.calls_per_minute is not None and spec.calls_per_minute < 1:
        problems.append(FieldProblem("calls_per_minute", "A limit is at least 1 call a minute."))
    if problems:
        raise InvalidRequestError(reason="field", details=problems)
    return {
        "surface_id": spec.surface.number,
        "method": spec.method.value,
        "pattern": spec.pattern,
        "shape": shape,
        "scope": spec.scope.value if spec.scope else "",
        "calls_per_minute": spec.calls_per_minute,
        "description": spec.description[:200],
    }


def _said(route: Route) -> dict[str, object]:
    return {
        "surface": route.surface.name,
        "method": route.method,
        "pattern": route.pattern,
        "scope": route.scope,
        "calls_per_minute": route.calls_per_minute,
        "description": route.description,
        "is_enabled": route.is_enabled,
    }


def _act(event: EventType, route: Route, actor: Actor, *, reason: str, data: Mapping[str, object]) -> Act:
    return Act(event, actor, None, "", "route", str(route.pk), reason, {"route": str(route), **data})
