"""Two real providers at opposite ends: one forgives a refresh token that comes twice, the other ends the grant for it."""

from collections import Counter
from collections.abc import Iterator

import pytest

from core.principals import SYSTEM, Environment
from organizations.models import GrantState, OAuthProvider, RunOutcome
from organizations.oauth.client import client_of
from organizations.oauth.failures import ProviderFailureError
from organizations.oauth.sealing import refresh_place, unseal
from organizations.oauth.tokens import refresh_tokens
from organizations.services.grants import disconnect_organization
from organizations.services.oauth_providers import change_provider
from organizations.services.sync_claims import claim_organization
from organizations.services.sync_runs import run_claim
from tests.factories import ALICE
from tests.organizations.oauth.live import HERE, Line, RealProvider, connect, running_line, start_oidc_provider, start_toolkit
from tests.organizations.oauth.world import ADA, World
from tests.organizations.test_races import all_at_once

WORKERS = 20


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    provider = start_toolkit(tmp_path_factory.mktemp("toolkit"))
    yield provider
    provider.process.kill()


@pytest.fixture(scope="module")
def oidc_provider(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    if not (HERE / "node" / "node_modules" / "oidc-provider").is_dir():
        pytest.skip(f"the provider's packages are missing: npm ci --prefix {HERE / 'node'}")
    provider = start_oidc_provider(node, tmp_path_factory.mktemp("oidc"))
    yield provider
    provider.process.kill()


@pytest.fixture(params=["toolkit", "oidc_provider"])
def real(request: pytest.FixtureRequest) -> RealProvider:
    """Each of the two."""
    provider: RealProvider = request.getfixturevalue(request.param)
    return provider


@pytest.fixture
def line(real: RealProvider) -> Iterator[Line]:
    with running_line(f"{real.base_url}{real.token}") as open_line:
        yield open_line


@pytest.fixture
def connected(fresh_database: object, real: RealProvider, line: Line) -> World:
    """An organization whose person has walked through the provider."""
    is_strict = real.authorize == "/auth"
    return connect(real, line, scopes=("openid",) if is_strict else ("org.read",), issuer=real.base_url if is_strict else "")


def forgives(real: RealProvider) -> bool:
    return real.authorize != "/auth"


def test_a_person_connects_and_the_organization_stays_true(connected: World, real: RealProvider, line: Line) -> None:
    assert connected.sync() is RunOutcome.CHANGED
    assert connected.users() == {"user-1", "user-2"}
    real.say(connected.organization.external_id, {"organizationName": "Renamed", "users": [ADA]})
    connected.age_access_token()
    assert connected.sync_again() is RunOutcome.CHANGED
    connected.organization.refresh_from_db()
    assert (connected.organization.name, connected.users()) == ("Renamed", {"user-1"})
    assert (line.count, connected.grant.state) == (2, GrantState.ACTIVE)


def test_many_workers_refresh_once_and_the_grant_lives(connected: World, line: Line) -> None:
    for round_number in range(1, 4):
        connected.age_access_token()
        connected.make_due()

        def work() -> RunOutcome | None:
            claim = claim_organization(connected.organization.pk)
            return run_claim(claim, actor=SYSTEM) if claim else None

        outcomes = Counter(all_at_once([work] * WORKERS))
        assert outcomes[None] == WORKERS - 1
        assert (line.count, connected.grant.state) == (1 + round_number, GrantState.ACTIVE)


def test_a_lost_answer_costs_the_grant_only_where_the_provider_insists(
    connected: World, real: RealProvider, line: Line
) -> None:
    connected.sync()
    connected.age_access_token()
    line.lost = 1
    outcome = connected.sync_again()
    if forgives(real):
        assert (outcome, connected.grant.state) == (RunOutcome.UNCHANGED, GrantState.ACTIVE)
        return
    assert (outcome, connected.grant.reason) == (RunOutcome.FAILED, "invalid_grant")
    assert connected.sync_again() is RunOutcome.STOPPED
    assert connected.grant.state == GrantState.REAUTHORIZATION_REQUIRED


def test_a_disconnected_organizations_tokens_are_dead_upstream(connected: World) -> None:
    refresh_token = unseal(connected.grant.refresh_sealed or b"", place=refresh_place(connected.grant))
    disconnect_organization(connected.organization.pk, actor=ALICE)
    assert connected.sync() is RunOutcome.REVOKED
    assert connected.grant.access_sealed is None
    with pytest.raises(ProviderFailureError) as refused:
        refresh_tokens(client_of(OAuthProvider.objects.get()), refresh_token=refresh_token)
    assert refused.value.reason == "invalid_grant"


def test_a_wrong_secret_is_our_fault_and_not_the_grants(connected: World) -> None:
    change_provider(connected.partner, environment=Environment.TEST, changes={"client_secret": "wrong"}, actor=ALICE)
    connected.age_access_token()
    assert connected.sync() is RunOutcome.FAILED
    assert OAuthProvider.objects.get().misconfigured_reason == "invalid_client"
    right = {"client_secret": "a-secret-of-the-client-0123456789"}
    change_provider(connected.partner, environment=Environment.TEST, changes=right, actor=ALICE)
    assert connected.sync_again() is RunOutcome.CHANGED


def test_a_grant_that_ended_at_the_provider_asks_twice_and_stops(connected: World, line: Line) -> None:
    from organizations.oauth.revocation import revoke_token

    grant = connected.grant
    client = client_of(OAuthProvider.objects.get())
    revoke_token(client, token=unseal(grant.refresh_sealed or b"", place=refresh_place(grant)), kind="refresh_token")
    connected.age_access_token()
    before = line.count
    assert [connected.sync(), connected.sync_again(), connected.sync_again()] == [RunOutcome.FAILED, RunOutcome.STOPPED, None]
    assert (line.count - before, connected.grant.state) == (2, GrantState.REAUTHORIZATION_REQUIRED)


def test_the_strict_provider_describes_itself(fresh_database: object, oidc_provider: RealProvider) -> None:
    from organizations.oauth.discovery import discover

    found = discover(f"{oidc_provider.base_url}/.well-known/openid-configuration")
    assert (found.issuer, found.token_url) == (oidc_provider.base_url, f"{oidc_provider.base_url}/token")
    assert (found.revocation_url, found.sends_issuer) == (f"{oidc_provider.base_url}/token/revocation", True)
