"""Small makers with honest defaults: each goes through the service that a door would call."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from core.credentials import KeyKind
from core.principals import Actor, ActorKind, Environment
from organizations.models import Organization, Profile
from partners.models import Partner
from partners.scopes import Scope
from partners.services.keys import DEFAULT_LIFETIME, IssuedKey, KeySpec, issue_key
from partners.services.partners import create_partner

ALICE: Final = Actor(ActorKind.STAFF, "1", "alice")


def make_partner(name: str = "Acme", **kwargs: Any) -> Partner:
    """An active partner of its own slug."""
    return create_partner(f"{name} {secrets.token_hex(3)}", actor=ALICE, **kwargs)


def make_key(
    partner: Partner | None = None,
    *,
    environment: Environment = Environment.TEST,
    scopes: Sequence[Scope] = tuple(Scope),
    kind: KeyKind = KeyKind.SECRET,
    networks: Sequence[str] = (),
    lifetime: timedelta | None = DEFAULT_LIFETIME,
    **policy: Any,
) -> IssuedKey:
    """A key with every scope, in the test environment, of a partner of its own."""
    spec = KeySpec(environment=environment, scopes=scopes, kind=kind, networks=networks, lifetime=lifetime, **policy)
    return issue_key(partner or make_partner(), spec=spec, actor=ALICE)


def make_organization(partner: Partner, *, environment: Environment = Environment.TEST, **fields: Any) -> Organization:
    """An organization with an external id of its own."""
    fields.setdefault("external_id", f"org-{secrets.token_hex(4)}")
    fields.setdefault("name", "Northwind")
    return Organization.objects.create(partner=partner, environment=environment, **fields)


def make_profile(
    partner: Partner, *, organization: Organization | None = None, environment: Environment = Environment.TEST, **fields: Any
) -> Profile:
    """A user of an organization, with an external id of its own."""
    organization = organization or make_organization(partner, environment=environment)
    fields.setdefault("external_id", f"user-{secrets.token_hex(4)}")
    fields.setdefault("first_name", "Ada")
    fields.setdefault("last_name", "Byron")
    fields.setdefault("email", "ada@example.com")
    return Profile.objects.create(partner=partner, environment=environment, organization=organization, **fields)
