"""The rules as this process knows them: one immutable snapshot, taken in one statement, with the version it was taken at.

Whoever decides by a snapshot also reads the version in force, in the query the decision makes anyway; when they differ the
snapshot is taken anew and the decision made again. So an edit holds from the next request on, in every process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson

from core.db import fetch_one
from core.errors import ErrorFamily
from core.principals import Environment
from surfaces.names import Dialect, Mechanism, Method, SurfaceName
from surfaces.paths import NormalPath, Pattern, parse_pattern

_READ: Final = """
SELECT book.version,
  (SELECT json_agg(json_build_object('id', s.id, 'name', s.name, 'mechanism', s.mechanism, 'family', s.error_family,
     'takes_player_tokens', s.takes_player_tokens, 'is_enabled', s.is_enabled))::text FROM surfaces_surface s),
  (SELECT json_agg(json_build_object('id', r.id, 'surface', r.surface_id, 'method', r.method, 'pattern', r.pattern,
     'scope', r.scope, 'limit', r.calls_per_minute, 'is_enabled', r.is_enabled))::text FROM surfaces_route r),
  (SELECT json_agg(json_build_object('host', h.host, 'id', p.id, 'slug', p.slug, 'environment', h.environment))::text
     FROM surfaces_tenanthost h JOIN partners_partner p ON p.id = h.partner_id),
  (SELECT json_agg(json_build_object('id', g.id, 'name', g.name, 'dialect', g.dialect, 'surfaces', g.surfaces,
     'audience', g.audience, 'is_enabled', g.is_enabled))::text FROM surfaces_gatewaypolicy g)
FROM surfaces_rulebook book
"""
_READ_VERSION: Final = "SELECT version FROM surfaces_rulebook"


@dataclass(frozen=True, slots=True)
class SurfaceRule:
    """A surface as the rules use it."""

    number: int
    name: SurfaceName
    mechanism: Mechanism
    takes_player_tokens: bool
    family: ErrorFamily
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A route as the rules use it."""

    id: int
    surface: SurfaceRule
    method: Method
    pattern: Pattern
    scope: str
    calls_per_minute: int | None
    is_enabled: bool

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.method} {self.pattern.text}"


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose a host is, and in which environment."""

    partner_id: UUID
    slug: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class Policy:
    """How one proxy asks. `surfaces` are the numbers of those whose rules may answer it; None for all."""

    name: str
    dialect: Dialect
    surfaces: frozenset[int] | None
    audience: str
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class _Shape:
    """The rules of one shape of path, by method."""

    pattern: Pattern
    rules: Mapping[str, Rule]

    def rule_for(self, method: str) -> Rule | None:
        rule = self.rules.get(method)
        if rule is None and method == Method.HEAD:
            rule = self.rules.get(Method.GET)
        return rule or self.rules.get(Method.ANY)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the rules say at one version."""

    version: int
    surfaces: Mapping[int, SurfaceRule]
    rules: Mapping[int, Rule]
    hosts: Mapping[str, Tenant]
    policies: Mapping[str, Policy]
    _literal: Mapping[tuple[str, ...], _Shape] = field(repr=False)
    # The most specific first.
    _open: tuple[_Shape, ...] = field(repr=False)

    def rule_for(self, method: str, path: NormalPath) -> Rule | None:
        """Find the one rule that decides a request, in any letter case: the most specific that knows the method."""
        literal = self._literal.get(path.folded)
        found = literal.rule_for(method) if literal else None
        if found is not None:
            return found
        for shape in self._open:
            if shape.pattern.matches(path.folded) and (found := shape.rule_for(method)):
                return found
        return None


def current() -> Snapshot:
    """The snapshot this process decides by; taken now if there is none yet."""
    return _held.snapshot or reload()


def held() -> Snapshot | None:
    """The snapshot this process has, if any; costs no query."""
    return _held.snapshot


def reload() -> Snapshot:
    """Take the snapshot anew, in one statement.

    Raises: RuntimeError when the rulebook's row is gone.
    """
    row = fetch_one(_READ, {})
    if row is None:
        raise RuntimeError("the rulebook has no row")
    _held.snapshot = _snapshot_of(row)
    return _held.snapshot


def read_version() -> int:
    """Ask which version is in force."""
    row = fetch_one(_READ_VERSION, {})
    return int(row[0]) if row else 0


class _Held:
    """What this process holds; replaced as a whole, so that readers need no lock."""

    snapshot: Snapshot | None = None


_held: Final = _Held()


def _snapshot_of(row: tuple[Any, ...]) -> Snapshot:
    version = row[0]
    surfaces, routes, hosts, policies = (orjson.loads(text) if text else [] for text in row[1:])
    known = {each["id"]: _surface(each) for each in surfaces}
    rules = [_rule(each, known[each["surface"]]) for each in routes]
    shapes: dict[str, _Shape] = {}
    for rule in rules:
        shape = shapes.setdefault(rule.pattern.shape, _Shape(rule.pattern, {}))
        shapes[rule.pattern.shape] = _Shape(shape.pattern, {**shape.rules, rule.method.value: rule})
    ordered = sorted(shapes.values(), key=lambda each: each.pattern.kinds)
    return Snapshot(
        version=version,
        surfaces=known,
        rules={rule.id: rule for rule in rules},
        hosts={each["host"]: Tenant(UUID(each["id"]), each["slug"], Environment(each["environment"])) for each in hosts},
        policies={each["name"]: _policy(each) for each in policies},
        _literal={each.pattern.folded: each for each in ordered if each.pattern.is_literal},
        _open=tuple(each for each in ordered if not each.pattern.is_literal),
    )


def _surface(row: Mapping[str, Any]) -> SurfaceRule:
    return SurfaceRule(
        number=row["id"],
        name=SurfaceName(row["name"]),
        mechanism=Mechanism(row["mechanism"]),
        takes_player_tokens=row["takes_player_tokens"],
        family=ErrorFamily(row["family"]),
        is_enabled=row["is_enabled"],
    )


def _rule(row: Mapping[str, Any], surface: SurfaceRule) -> Rule:
    return Rule(
        id=row["id"],
        surface=surface,
        method=Method(row["method"]),
        pattern=parse_pattern(row["pattern"]),
        scope=row["scope"],
        calls_per_minute=row["limit"],
        is_enabled=row["is_enabled"],
    )


def _policy(row: Mapping[str, Any]) -> Policy:
    return Policy(
        name=row["name"],
        dialect=Dialect(row["dialect"]),
        surfaces=frozenset(row["surfaces"]) or None,
        audience=row["audience"],
        is_enabled=row["is_enabled"],
    )
