"""Changing a surface itself, and how proxies ask about requests to it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError, transaction

from audit.events import EventType
from audit.services import Act, record
from core.errors import AlreadyExistsError, ErrorFamily, FieldProblem, InvalidRequestError, NotFoundError
from core.principals import Actor
from surfaces.models import GatewayPolicy, Surface
from surfaces.names import Dialect, Mechanism, SurfaceName
from surfaces.services.rulebook import change_rules, lock_rules

_POLICY_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)
_AUDIENCE: Final = re.compile(r"[!-~]{0,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SurfaceSpec:
    """How a surface is opened and how it refuses."""

    mechanism: Mechanism
    takes_player_tokens: bool
    error_family: ErrorFamily
    is_enabled: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """How one proxy asks. Without `surfaces` the rules of all may answer; `audience` is whom the signed assertion is for."""

    name: str
    dialect: Dialect
    surfaces: Sequence[SurfaceName] = ()
    audience: str = ""
    is_enabled: bool = True


def update_surface(surface: SurfaceName, *, spec: SurfaceSpec, reason: str = "", actor: Actor) -> Surface:
    """Change a surface, from the next request on. Nothing changed, nothing recorded.

    Raises: InvalidRequestError when player tokens are to open what they cannot.
    """
    if spec.takes_player_tokens and (surface is not SurfaceName.STOREFRONT or spec.mechanism is not Mechanism.JWT):
        raise InvalidRequestError(
            details=[FieldProblem("takes_player_tokens", "Player tokens open Storefront alone, as bearers.")]
        )
    fields = {
        "mechanism": spec.mechanism.value,
        "takes_player_tokens": spec.takes_player_tokens,
        "error_family": spec.error_family.value,
        "is_enabled": spec.is_enabled,
        "description": spec.description[:200],
    }
    with transaction.atomic():
        lock_rules()
        row = Surface.objects.get(pk=surface.number)
        changed = {
            name: {"before": getattr(row, name), "after": new} for name, new in fields.items() if getattr(row, name) != new
        }
        if changed:
            Surface.objects.filter(pk=row.pk).update(**fields)
            change_rules()
            record(Act(EventType.SURFACE_UPDATED, actor, None, "", "surface", surface.value, reason, changed))
    return Surface.objects.get(pk=surface.number)


def create_policy(spec: PolicySpec, *, reason: str = "", actor: Actor) -> GatewayPolicy:
    """Add a way for a proxy to ask.

    Raises: AlreadyExistsError when the name is taken; InvalidRequestError naming what is wrong.
    """
    fields = _policy_fields(spec)
    try:
        with transaction.atomic():
            lock_rules()
            policy = GatewayPolicy.objects.create(**fields)
            change_rules()
            record(_policy_act(policy, actor, reason, {name: {"before": None, "after": new} for name, new in fields.items()}))
    except IntegrityError as error:
        raise AlreadyExistsError("A policy of this name exists.", reason="policy_exists") from error
    return policy


def update_policy(policy_id: int, *, spec: PolicySpec, reason: str = "", actor: Actor) -> GatewayPolicy:
    """Change how a proxy asks, but not its name: that stands in the proxy's configuration. Nothing changed, nothing recorded.

    Raises: NotFoundError; InvalidRequestError naming what is wrong.
    """
    fields = _policy_fields(spec)
    with transaction.atomic():
        lock_rules()
        policy = GatewayPolicy.objects.filter(pk=policy_id).first()
        if policy is None:
            raise NotFoundError("No policy has this id.", reason="no_such_row")
        fields["name"] = policy.name
        changed = {
            name: {"before": getattr(policy, name), "after": new}
            for name, new in fields.items()
            if getattr(policy, name) != new
        }
        if changed:
            GatewayPolicy.objects.filter(pk=policy_id).update(**fields)
            change_rules()
            record(_policy_act(policy, actor, reason, changed))
    return GatewayPolicy.objects.get(pk=policy_id)


def _policy_fields(spec: PolicySpec) -> dict[str, object]:
    problems = []
    if not _POLICY_NAME.fullmatch(spec.name):
        problems.append(FieldProblem("name", "A name has 1 to 32 lower-case letters, digits and inner hyphens."))
    if not _AUDIENCE.fullmatch(spec.audience):
        problems.append(FieldProblem("audience", "An audience has at most 200 printable ASCII characters, without spaces."))
    if problems:
        raise InvalidRequestError(reason="field", details=problems)
    return {
        "name": spec.name,
        "dialect": spec.dialect.value,
        "surfaces": sorted(surface.number.value for surface in spec.surfaces),
        "audience": spec.audience,
        "is_enabled": spec.is_enabled,
    }


def _policy_act(policy: GatewayPolicy, actor: Actor, reason: str, data: dict[str, dict[str, object]]) -> Act:
    return Act(EventType.GATEWAY_POLICY_UPDATED, actor, None, "", "gateway_policy", policy.name, reason, data)
