"""A partner's backend as the setup tests meet it, and the bodies it sends."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.test import Client

from core.principals import Environment
from partners.models import Partner
from partners.services.keys import IssuedKey
from tests.factories import make_key

SETUP: Final = "/v1/organizations/setup"
PARTNER_SETUP: Final = "/v1/partner/organization-setup"
ADDRESS: Final[Mapping[str, Any]] = {"line1": "1 Mill Road", "city": "Oakland", "province": "CA", "postalCode": "94607"}
SITE: Final[Mapping[str, Any]] = {"line1": "5 Dock Street", "city": "Oakland", "state": "CA", "zip": "94607"}
MEMBER: Final[Mapping[str, Any]] = {"email": "ada@northwind.example", "first_name": "Ada", "last_name": "Diaz"}
TABLES: Final = (
    "organizations_organization",
    "organizations_profile",
    "organizations_address",
    "organizations_oauthgrant",
    "partners_idempotencyrecord",
    "audit_event",
)


@dataclass(frozen=True, slots=True)
class Backend:
    """Calls with one API key; each answer is Django's test response."""

    issued: IssuedKey

    @property
    def partner(self) -> Partner:
        return self.issued.key.partner

    def post(self, path: str, body: object, **headers: str) -> Any:
        """Send a body as JSON; bytes go as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.issued.plaintext}", "Content-Type": "application/json", **headers}
        client = Client(HTTP_HOST="127.0.0.1:8000")
        return client.generic("POST", path, data, content_type=headers.pop("Content-Type"), headers=headers)

    def setup(self, body: Mapping[str, Any] | None = None, /, **headers: str) -> Any:
        """Call the camelCase form."""
        return self.post(SETUP, setup_body() if body is None else body, **headers)

    def partner_setup(self, body: Mapping[str, Any] | None = None, /, **headers: str) -> Any:
        """Call the snake_case form."""
        return self.post(PARTNER_SETUP, partner_body() if body is None else body, **headers)


def make_backend(partner: Partner | None = None, *, environment: Environment = Environment.TEST, **policy: Any) -> Backend:
    """The backend of a partner, of its own unless one is given."""
    return Backend(make_key(partner, environment=environment, **policy))


def setup_body(**changes: Any) -> dict[str, Any]:
    """The smallest valid body of the camelCase form."""
    return {
        "internalOrgId": "org-1",
        "organizationName": "Northwind Bakery",
        "internalUserId": "user-1",
        "user": {"firstName": "Ada", "lastName": "Diaz", "email": "ada@northwind.example"},
        **changes,
    }


def partner_body(**changes: Any) -> dict[str, Any]:
    """The smallest valid body of the snake_case form."""
    organization = {"name": "Northwind Bakery", "email": "office@northwind.example", "addresses": [dict(SITE)]}
    body = {"partner_org_id": "org-1", "organization": organization, "users": [dict(MEMBER)]}
    return changed(body, changes)


def changed(body: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy of a body with values put at dotted paths: {"organization.name": "Other"}."""
    copy: dict[str, Any] = json.loads(json.dumps(body))
    for path, value in changes.items():
        *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        target: Any = copy
        for step in parents:
            target = target[step]
        target[last] = value
    return copy


def without(body: dict[str, Any], path: str) -> dict[str, Any]:
    """A deep copy of a body in which one dotted path is missing."""
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    copy: dict[str, Any] = json.loads(json.dumps(body))
    target: Any = copy
    for step in parents:
        target = target[step]
    del target[last]
    return copy


def all_rows() -> dict[str, list[tuple[Any, ...]]]:
    """Every row a setup call could touch, to compare before and after."""
    with connection.cursor() as cursor:
        found = {}
        for table in TABLES:
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')  # noqa: S608  # the names above
            found[table] = cursor.fetchall()
        return found
