"""An OAuth provider for the tests of the API document: it takes any code, so that right requests succeed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.test import override_settings
from schemathesis import Case

from partners.models import Partner
from tests.openapi.conftest import SETUP, Caller
from tests.organizations.oauth.provider import Provider, running_provider
from tests.organizations.oauth.world import configure

_TOKENS: Final[dict[str, Any]] = {"accessToken": "at-given", "refreshToken": "rt-given", "accessTokenExpiresIn": 3600}
_OPERATIONS: Final = frozenset(
    {"organization_oauth", "organization_oauth_put", "organization_oauth_delete", "organization_sync", "organization_connect"}
)


class _AnyCode(dict[str, Mapping[str, str]]):
    def pop(self, *_args: Any) -> Mapping[str, str]:
        return {}


@contextmanager
def providing() -> Iterator[Provider]:
    """Run the provider."""
    with running_provider() as provider:
        provider.codes = _AnyCode()
        yield provider


def configure_for(partner: Partner, provider: Provider) -> None:
    """Have a partner's organizations synced from the provider, in whatever database Django is at."""
    with override_settings(EGRESS_ALLOWED_NETWORKS=["127.0.0.0/8"]):
        configure(provider, partner, authorization_url=provider.url("/authorize"))


def lead(case: Case[Any], operation_id: str, caller: Caller) -> None:
    """Give a right request what only a real caller can know."""
    organization = SETUP["internalOrgId"]
    if operation_id in _OPERATIONS:
        case.path_parameters["internal_org_id"] = organization
        url = f"{caller.service.base_url}/v1/organizations/{organization}/oauth"
        key = {"Authorization": f"Bearer {caller.key}"}
        answer = caller.session.put(url, json=_TOKENS, headers=key, timeout=10)
        assert answer.status_code == 200, answer.text
    if operation_id == "organization_oauth_put":
        case.body = dict(_TOKENS)
    if operation_id == "organization_oauth_exchange":
        case.body = {
            "internalOrgId": organization,
            "code": "any",
            "redirect_uri": "https://shop.example/back",
            "code_verifier": "v" * 43,
        }
