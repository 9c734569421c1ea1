"""A partner with keys, an origin and one user, made in a running service as staff and the partner's backend would."""

import json
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final

from tests.servers import LiveService

INTERNAL_USER_ID: Final = "ada"
PARTNER_ORG_ID: Final = "org-1"
USER: Final = {"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com", "phoneNumber": "+1 555 0100"}
SETUP: Final[dict[str, Any]] = {
    "internalOrgId": PARTNER_ORG_ID,
    "organizationName": "Fernhill",
    "internalUserId": INTERNAL_USER_ID,
    "user": USER,
}
MAKE_PARTNER: Final = """
import json, sys
from core.principals import SYSTEM, Environment
from partners.scopes import Scope
from partners.services.keys import KeySpec, issue_key
from partners.services.partners import create_partner, set_origins
partner = create_partner("Harbour and Pine", actor=SYSTEM)
made = {"id": str(partner.id)}
for environment, origins in %r.items():
    environment = Environment(environment)
    set_origins(partner.id, environment=environment, origins=origins, actor=SYSTEM)
    made[environment.value] = issue_key(partner, spec=KeySpec(environment, list(Scope)), actor=SYSTEM).plaintext
print(json.dumps(made))
"""


@dataclass(frozen=True)
class MadePartner:
    """What the partner's backend is configured with."""

    id: str
    live_key: str = field(repr=False)
    test_key: str = field(repr=False)
    internal_user_id: str = INTERNAL_USER_ID
    partner_org_id: str = PARTNER_ORG_ID


def make_partner(service: LiveService, *, live: list[str], test: list[str]) -> MadePartner:
    """Make a partner whose pages at these origins may frame the embed page, with the same user in both environments."""
    made = json.loads(service.manage("shell", "--no-imports", "-c", MAKE_PARTNER % {"live": live, "test": test}))
    for key in (made["live"], made["test"]):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        address = f"{service.base_url}/v1/organizations/setup"
        request = urllib.request.Request(address, json.dumps(SETUP).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 201
    return MadePartner(made["id"], made["live"], made["test"])
