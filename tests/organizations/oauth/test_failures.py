"""Every way a provider can fail, and what it means for the grant: what passes by itself never ends one."""

import socket
import time
from typing import Any

import pytest
from pytest_django import Settings

from audit.models import Event
from core.egress.fetch import FetchLimits
from core.principals import SYSTEM
from organizations.models import GrantState, OAuthGrant, OAuthProvider, RunOutcome
from organizations.oauth import client, data
from organizations.services.oauth_providers import configure_provider
from organizations.services.sync_claims import claim_next
from organizations.services.sync_pass import sync_due
from tests.factories import ALICE, make_organization
from tests.organizations.oauth.provider import Answer, Handler, Provider
from tests.organizations.oauth.world import World, issued_tokens, make_world, provider_settings

BRISK = FetchLimits(total_seconds=0.5, connect_seconds=0.3, max_body_bytes=64 * 1024)


def drip(handler: Handler) -> None:
    """Send a byte now and then, and never the end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    try:
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.05)
    except OSError:
        handler.close_connection = True


def flood(handler: Handler) -> None:
    """Send more than anyone wants, without saying how much."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    try:
        for _ in range(200):
            handler.wfile.write(b'{"a":' * 10_000)
    except OSError:
        pass
    handler.close_connection = True


def garbage(handler: Handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    handler.hang_up()


PASSING: dict[str, tuple[Any, str]] = {
    "fault": (Answer(500), "provider_error"),
    "bad gateway with a page": (Answer(502, b"<html>"), "provider_error"),
    "away": (Answer(503, headers={"Retry-After": "7200"}), "provider_error"),
    "limit": (Answer(429, headers={"Retry-After": "7200"}), "rate_limited"),
    "slow": (Answer(408), "timeout"),
    "drip": (drip, "timeout"),
    "flood": (flood, "too_large"),
    "other protocol": (garbage, "protocol"),
    "hang up": (lambda handler: handler.hang_up(), "protocol"),
    "teapot": (Answer(418), "unexpected_status"),
    "no json": (Answer(200, b"<html>"), "bad_document"),
    "a list": (Answer(200, []), "bad_document"),
    "deep": (Answer(200, b'{"users":' + b"[" * 20_000 + b"]" * 20_000 + b"}"), "bad_document"),
    "twice": (Answer(200, b'{"users":[],"users":[]}'), "bad_document"),
    "wrong type": (Answer(200, {"users": {"a": 1}}), "bad_document"),
    "wrong field": (Answer(200, {"organizationName": "x" * 201}), "bad_document"),
    "surrogate": (Answer(200, b'{"organizationName":"\\ud800"}'), "bad_document"),
}


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose patience sooner."""
    monkeypatch.setattr(data, "LIMITS", BRISK)
    monkeypatch.setattr(client, "LIMITS", BRISK)


@pytest.mark.parametrize("case", PASSING)
def test_what_passes_by_itself_is_tried_again_and_heals(world: World, brisk: None, case: str) -> None:
    script, reason = PASSING[case]
    world.provider.next_at_data.append(script)
    before = world.grant
    assert world.sync() is RunOutcome.FAILED
    grant = world.grant
    assert (grant.reason, grant.state, grant.failures) == (reason, GrantState.PENDING, 1)
    assert (bytes(grant.access_sealed or b""), grant.version) == (bytes(before.access_sealed or b""), before.version)
    assert grant.next_sync_at
    assert grant.failing_since
    assert world.users() == set()
    assert world.sync() is None
    assert world.sync_again() is RunOutcome.CHANGED
    assert (world.grant.state, world.grant.failures, world.grant.reason) == (GrantState.ACTIVE, 0, "")
    assert not Event.objects.filter(type__in=["organization.sync_failing", "organization.reauthorization_required"]).exists()


@pytest.mark.parametrize("case", ["away", "limit"])
def test_retry_after_is_honoured(world: World, case: str) -> None:
    world.provider.next_at_data.append(PASSING[case][0])
    world.sync()
    assert 7200 < wait_of(world) < 12_000


def test_waits_grow_and_stay_bounded(world: World) -> None:
    waits = []
    for _ in range(12):
        world.provider.next_at_data.append(Answer(500))
        world.sync_again()
        waits.append(wait_of(world))
    assert 50 < waits[0] < 70
    assert waits[3] > 5 * waits[0]
    assert waits[-1] < 6 * 3600 * 1.11


def wait_of(world: World) -> float:
    grant = world.grant
    assert grant.next_sync_at
    return (grant.next_sync_at - world.last_run().finished_at).total_seconds()


def test_a_long_failure_is_told_once(world: World) -> None:
    from datetime import timedelta

    from django.db.models.functions import Now

    for _ in range(3):
        world.provider.next_at_data.append(Answer(500))
        world.sync_again()
        OAuthGrant.objects.update(failing_since=Now() - timedelta(hours=25))
    told = Event.objects.get(type="organization.sync_failing")
    assert told.data == {"reason": "provider_error", "notice": 1}
    assert world.sync_again() is RunOutcome.CHANGED
    assert Event.objects.filter(type="organization.sync_recovered").count() == 1


WRONG: dict[str, tuple[Answer, str]] = {
    "forbidden": (Answer(403), "forbidden"),
    "unknown": (Answer(404), "not_found"),
    "gone": (Answer(410), "not_found"),
    "moved": (Answer(302, headers={"Location": "/elsewhere"}), "redirect"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_somebody_must_put_right_is_told_and_looked_at_once_a_day(world: World, case: str) -> None:
    answer, reason = WRONG[case]
    world.sync()
    world.provider.next_at_data.extend([answer, answer])
    assert world.sync_again() is RunOutcome.FAILED
    assert (world.grant.state, world.grant.reason) == (GrantState.CONFIG_ERROR, reason)
    assert wait_of(world) > 20 * 3600
    world.sync_again()
    assert Event.objects.filter(type="organization.sync_failing").count() == 1
    assert world.sync_again() is RunOutcome.UNCHANGED
    assert world.grant.state == GrantState.ACTIVE
    assert Event.objects.filter(type="organization.sync_recovered").count() == 1


def test_a_redirect_is_not_followed_to_loopback_or_anywhere(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        location = f"http://127.0.0.1:{trap.getsockname()[1]}/admin"
        world.provider.next_at_data.append(Answer(307, headers={"Location": location}))
        world.provider.next_at_token.append(Answer(307, headers={"Location": location}))
        world.sync()
        world.age_access_token()
        world.sync_again()
        with pytest.raises(TimeoutError):
            trap.accept()
    assert len(world.provider.asked) == 2


def test_a_provider_that_moved_to_a_private_address_is_not_called(world: World, settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = []
    assert world.sync() is RunOutcome.FAILED
    assert (world.grant.reason, world.grant.state) == ("scheme", GrantState.PENDING)
    assert world.provider.asked == []


# -- 401


def test_a_token_that_is_not_accepted_is_refreshed_once(world: World) -> None:
    world.provider.access_tokens.clear()
    assert world.sync() is RunOutcome.CHANGED
    assert [each.path.split("/")[1] for each in world.provider.asked] == ["organizations", "token", "organizations"]
    assert world.last_run().refresh == "done"


def test_endless_401_asks_for_reauthorization_and_stops(world: World) -> None:
    world.provider.next_at_data.extend([Answer(401)] * 10)
    assert world.sync() is RunOutcome.STOPPED
    assert [each.path.split("/")[1] for each in world.provider.asked] == ["organizations", "token", "organizations"]
    assert_waits_for_reauthorization(world, "unauthorized")


def test_401_right_after_a_refresh_is_not_refreshed_again(world: World) -> None:
    world.age_access_token()
    world.provider.next_at_data.extend([Answer(401)] * 10)
    assert world.sync() is RunOutcome.STOPPED
    assert len(world.provider.asked) == 2


def test_401_without_a_refresh_token_asks_for_reauthorization(db: None, provider: Provider) -> None:
    from organizations.oauth.tokens import TokenSet

    world = make_world(provider, tokens=TokenSet("at-unknown"))
    assert world.sync() is RunOutcome.STOPPED
    assert_waits_for_reauthorization(world, "no_refresh_token")


def test_a_refresh_token_that_is_the_partners_is_neither_kept_nor_used(db: None, provider: Provider) -> None:
    from organizations.models import RefreshOwner

    world = make_world(provider, refresh_owner=RefreshOwner.PARTNER)
    assert world.grant.refresh_sealed is None
    world.age_access_token()
    assert world.sync() is RunOutcome.CHANGED
    provider.access_tokens.clear()
    assert world.sync_again() is RunOutcome.STOPPED
    assert provider.asked_at("/token") == []


def assert_waits_for_reauthorization(world: World, reason: str) -> None:
    grant = world.grant
    assert (grant.state, grant.reason, grant.next_sync_at) == (GrantState.REAUTHORIZATION_REQUIRED, reason, None)
    told = Event.objects.get(type="organization.reauthorization_required")
    assert (told.subject_id, told.data) == (str(world.organization.pk), {"reason": reason, "notice": 1})
    asked = len(world.provider.asked)
    assert world.sync_again() is None
    assert not sync_due(threads=1, seconds=5, actor=SYSTEM)
    assert len(world.provider.asked) == asked


# -- What the token endpoint says


ENDED: dict[str, Answer] = {
    "invalid_grant": Answer(400, {"error": "invalid_grant"}),
    "inside a 200": Answer(200, {"error": "bad_refresh_token", "error_description": "The refresh token passed is incorrect"}),
    "expired": Answer(401, {"error": "invalid_grant"}),
}


@pytest.mark.parametrize("case", ENDED)
def test_a_grant_that_ended_is_asked_for_twice_and_never_again(world: World, case: str) -> None:
    world.age_access_token()
    world.provider.next_at_token.extend([ENDED[case]] * 10)
    assert world.sync() is RunOutcome.FAILED
    grant = world.grant
    assert (grant.reason, grant.rejections, grant.state) == ("invalid_grant", 1, GrantState.PENDING)
    assert wait_of(world) >= 60
    assert world.sync_again() is RunOutcome.STOPPED
    assert len(world.provider.asked_at("/token")) == 2
    assert_waits_for_reauthorization(world, "invalid_grant")


def test_a_grant_that_was_refused_once_by_mistake_lives(world: World) -> None:
    world.age_access_token()
    world.provider.next_at_token.append(ENDED["invalid_grant"])
    world.sync()
    assert world.sync_again() is RunOutcome.CHANGED
    assert (world.grant.state, world.grant.rejections) == (GrantState.ACTIVE, 0)


TOKEN_FAULTS: dict[str, tuple[Any, str]] = {
    "fault": (Answer(500, {"error": "invalid_grant"}), "provider_error"),
    "limit": (Answer(429), "rate_limited"),
    "away": (Answer(503), "provider_error"),
    "says so": (Answer(400, {"error": "temporarily_unavailable"}), "provider_error"),
    "a page": (Answer(404, b"<html>"), "unexpected_status"),
}


@pytest.mark.parametrize("case", TOKEN_FAULTS)
def test_a_token_endpoint_that_fails_is_tried_again(world: World, case: str) -> None:
    answer, reason = TOKEN_FAULTS[case]
    world.age_access_token()
    world.provider.next_at_token.append(answer)
    assert world.sync() is RunOutcome.FAILED
    grant = world.grant
    assert (grant.reason, grant.rejections, grant.refresh_sent_at) == (reason, 0, None)
    assert world.last_run().refresh == "failed"
    assert world.sync_again() is RunOutcome.CHANGED


SETTINGS_WRONG: dict[str, tuple[Answer, str]] = {
    "scope": (Answer(400, {"error": "invalid_scope"}), "request_refused"),
    "grant type": (Answer(400, {"error": "unsupported_grant_type"}), "request_refused"),
    "type of token": (Answer(200, {"access_token": "at-x", "token_type": "DPoP"}), "token_type"),
}


@pytest.mark.parametrize("case", SETTINGS_WRONG)
def test_a_token_endpoint_that_wants_something_else_is_for_people(world: World, case: str) -> None:
    answer, reason = SETTINGS_WRONG[case]
    world.age_access_token()
    world.provider.next_at_token.append(answer)
    assert world.sync() is RunOutcome.FAILED
    assert (world.grant.state, world.grant.reason) == (GrantState.CONFIG_ERROR, reason)


# -- Our client


CLIENT_WRONG = [Answer(401, {"error": "invalid_client"}), Answer(200, {"error": "incorrect_client_credentials"}), Answer(401)]


@pytest.mark.parametrize("answer", CLIENT_WRONG)
def test_a_client_that_is_refused_stops_the_whole_provider_but_for_a_probe_an_hour(
    db: None, provider: Provider, answer: Answer
) -> None:
    world, other = two_organizations(provider)
    stranger = make_world(provider)
    provider.next_at_token.append(answer)
    OAuthGrant.objects.filter(pk=stranger.grant.pk).update(next_sync_at=None)
    assert world.sync() is RunOutcome.FAILED
    row = OAuthProvider.objects.get(partner=world.partner)
    assert (row.misconfigured_reason, row.misconfigured_at is not None) == ("invalid_client", True)
    failing = Event.objects.get(type="oauth_provider.failing")
    assert (failing.partner_id, failing.data) == (world.partner.pk, {"reason": "invalid_client"})
    assert world.grant.state == GrantState.PENDING
    world.make_due()
    assert claim_next() is None
    stranger.organization.oauth_grant.__class__.objects.filter(pk=stranger.grant.pk).update(next_sync_at=row.created_at)
    found = claim_next()
    assert found
    assert found.grant_id == stranger.grant.pk
    assert other.grant.state == GrantState.PENDING


def test_a_probe_finds_out_that_the_client_is_accepted_again(db: None, provider: Provider) -> None:
    world, other = two_organizations(provider)
    provider.next_at_token.append(Answer(401, {"error": "invalid_client"}))
    world.sync()
    OAuthProvider.objects.update(probe_at="2020-01-01T00:00:00Z")
    outcomes = sync_due(threads=1, seconds=20, actor=SYSTEM)
    assert outcomes[RunOutcome.CHANGED] == 2
    assert OAuthProvider.objects.get(partner=world.partner).misconfigured_at is None
    assert Event.objects.filter(type="oauth_provider.recovered").count() == 1
    assert other.grant.state == GrantState.ACTIVE


def test_a_probe_that_fails_leaves_the_others_alone(db: None, provider: Provider) -> None:
    world, _other = two_organizations(provider)
    provider.next_at_token.extend([Answer(401, {"error": "invalid_client"})] * 10)
    world.sync()
    OAuthProvider.objects.update(probe_at="2020-01-01T00:00:00Z")
    assert sync_due(threads=1, seconds=20, actor=SYSTEM).total() == 1
    assert len(provider.asked_at("/token")) == 2
    assert Event.objects.filter(type="oauth_provider.failing").count() == 1


def test_a_right_secret_starts_the_provider_again_at_once(db: None, provider: Provider) -> None:
    world, _other = two_organizations(provider)
    wrong = provider_settings(provider, client_secret="wrong")
    configure_provider(world.partner, environment=_environment(world), wanted=wrong, actor=ALICE)
    assert world.sync_again() is RunOutcome.FAILED
    right = provider_settings(provider)
    configure_provider(world.partner, environment=_environment(world), wanted=right, actor=ALICE)
    assert sync_due(threads=1, seconds=20, actor=SYSTEM)[RunOutcome.CHANGED] == 2


def two_organizations(provider: Provider) -> tuple[World, World]:
    from organizations.services.grants import connect_organization

    world = make_world(provider)
    other = World(provider, world.partner, make_organization(world.partner))
    other.document.update(organizationName="Other")
    connect_organization(other.organization, tokens=issued_tokens(provider), actor=ALICE)
    world.age_access_token()
    other.age_access_token()
    return world, other


def _environment(world: World) -> Any:
    from core.principals import Environment

    return Environment(world.organization.environment)


# -- Ourselves


def test_a_token_of_another_row_does_not_open_and_nothing_is_asked(db: None, provider: Provider) -> None:
    world, other = make_world(provider), make_world(provider)
    OAuthGrant.objects.filter(pk=world.grant.pk).update(access_sealed=other.grant.access_sealed)
    assert world.sync() is RunOutcome.FAILED
    assert (world.grant.reason, world.grant.state) == ("sealed", GrantState.CONFIG_ERROR)
    assert provider.asked == []


def test_a_refresh_token_in_the_place_of_the_access_token_does_not_open(world: World) -> None:
    OAuthGrant.objects.update(access_sealed=world.grant.refresh_sealed)
    assert world.sync() is RunOutcome.FAILED
    assert world.grant.reason == "sealed"


def test_a_fault_of_ours_is_written_down_and_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from organizations.services import sync_runs

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise KeyError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(sync_runs, "read_document", broken)
        assert world.sync() is RunOutcome.FAILED
    assert (world.grant.reason, world.grant.state) == ("fault", GrantState.PENDING)
    assert world.sync_again() is RunOutcome.CHANGED
