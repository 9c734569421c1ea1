"""A refresh token is used once: whoever else wants it, whoever dies over it, and whatever becomes of the answer."""

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from core.encryption import DecryptionError
from core.principals import SYSTEM
from organizations.models import GrantState, OAuthGrant, RunOutcome, SyncRun
from organizations.oauth.sealing import access_place, refresh_place, unseal
from organizations.services.grants import connect_organization, disconnect_organization, hand_over_tokens
from organizations.services.sync_claims import claim_organization
from organizations.services.sync_pass import sync_due
from organizations.services.sync_runs import run_claim
from tests.factories import ALICE
from tests.organizations.oauth.provider import Answer, Handler, Provider, dropped, dropped_after_use
from tests.organizations.oauth.world import World, issued_tokens, make_world
from tests.organizations.test_races import all_at_once
from tests.servers import Process, bare_environment

if TYPE_CHECKING:
    from tests.databases import FreshDatabase

WORKERS = 20


def stored(world: World) -> tuple[str, str]:
    """The tokens as they stand in the row."""
    grant = world.grant
    access = unseal(grant.access_sealed or b"", place=access_place(grant))
    return access, unseal(grant.refresh_sealed or b"", place=refresh_place(grant))


def test_new_tokens_are_stored_before_the_access_token_is_used(world: World) -> None:
    world.age_access_token()
    seen: list[tuple[str, str]] = []

    def look(handler: Handler) -> Answer:
        seen.append((handler.asked.bearer, *stored(world)))  # type: ignore[arg-type]  # three texts
        return handler.provider.answer(handler.asked)

    def note(handler: Handler) -> Answer:
        assert world.grant.state == GrantState.REFRESHING
        assert world.grant.refresh_sent_at
        return handler.provider.answer(handler.asked)

    run_in_this_connection(world, look, note)
    assert world.sync() is RunOutcome.CHANGED
    ((used, access, refresh),) = seen  # type: ignore[misc]  # three texts
    assert used == access
    assert refresh in world.provider.refresh_tokens


def run_in_this_connection(world: World, look: Callable[[Handler], Answer], note: Callable[[Handler], Answer]) -> None:
    """Have a test's view of the database looked at while the provider answers: it waits for the answer meanwhile."""
    connection = connections["default"]
    connection.inc_thread_sharing()

    def shared(script: Callable[[Handler], Answer]) -> Callable[[Handler], Answer]:
        def inner(handler: Handler) -> Answer:
            connections["default"] = connection
            return script(handler)

        return inner

    world.provider.next_at_data.append(shared(look))
    world.provider.next_at_token.append(shared(note))


def test_a_refresh_token_that_is_not_replaced_stays(world: World) -> None:
    world.age_access_token()
    before = stored(world)[1]
    issued = world.provider.issue()
    world.provider.next_at_token.append(Answer(200, {"access_token": issued["access_token"], "expires_in": "60"}))
    assert world.sync() is RunOutcome.CHANGED
    assert stored(world) == (issued["access_token"], before)


def test_a_token_is_refreshed_when_most_of_its_life_is_over_and_not_before(world: World) -> None:
    from datetime import timedelta

    from django.db.models.functions import Now

    world.sync()
    for age, refreshes in ((0.7, 0), (0.85, 1)):
        hour = timedelta(hours=1)
        OAuthGrant.objects.update(obtained_at=Now() - hour * age, access_expires_at=Now() + hour * (1 - age))
        world.sync_again()
        assert len(world.provider.asked_at("/token")) == refreshes


def test_a_token_of_unknown_life_is_used_until_it_is_refused(world: World) -> None:
    OAuthGrant.objects.update(access_expires_at=None)
    world.sync()
    assert world.provider.asked_at("/token") == []


# -- Many workers


def test_of_many_workers_one_refreshes_and_the_grant_lives(fresh_database: object, provider: Provider) -> None:
    world = make_world(provider)
    world.age_access_token()

    def work() -> RunOutcome | None:
        claim = claim_organization(world.organization.pk)
        return run_claim(claim, actor=SYSTEM) if claim else None

    outcomes = all_at_once([work] * WORKERS)
    assert Counter(outcomes) == {RunOutcome.CHANGED: 1, None: WORKERS - 1}
    assert len(provider.asked_at("/token")) == 1
    assert all_at_once([world.sync_again] * WORKERS).count(RunOutcome.UNCHANGED) >= 1
    assert len(provider.asked_at("/token")) == 1
    assert world.grant.state == GrantState.ACTIVE


def test_many_passes_at_once_sync_each_organization_once(fresh_database: object, provider: Provider) -> None:
    worlds = [make_world(provider) for _ in range(12)]
    for world in worlds:
        world.age_access_token()
    passes = all_at_once([lambda: sync_due(threads=3, seconds=60, actor=SYSTEM)] * 4)
    assert sum((outcomes for outcomes in passes), Counter()) == {RunOutcome.CHANGED: 12}
    assert len(provider.asked_at("/token")) == 12


def test_a_provider_is_not_asked_for_more_at_once_than_allowed(
    fresh_database: object, provider: Provider, settings: Any
) -> None:
    from tests.factories import make_organization

    settings.SYNC_CALLS_PER_PROVIDER = 2
    world = make_world(provider)
    for _ in range(7):
        other = World(provider, world.partner, make_organization(world.partner))
        other.document.update(organizationName="Other")
        connect_organization(other.organization, tokens=issued_tokens(provider), actor=ALICE)
    at_once, most, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(2, timeout=5)

    def count(handler: Handler) -> Answer:
        nonlocal at_once, most
        with lock:
            at_once, most = at_once + 1, max(most, at_once + 1)
        gate.wait()
        with lock:
            at_once -= 1
        return handler.provider.answer(handler.asked)

    provider.next_at_data.extend([count] * 8)
    assert sync_due(threads=6, seconds=60, actor=SYSTEM).total() == 8
    assert most == 2


# -- Lost answers


def test_a_lost_answer_is_asked_for_once_more_at_once(world: World) -> None:
    world.age_access_token()
    world.provider.next_at_token.append(dropped)
    assert world.sync() is RunOutcome.CHANGED
    assert len(world.provider.asked_at("/token")) == 2
    assert world.grant.state == GrantState.ACTIVE


def test_answers_that_stay_lost_leave_the_grant_ambiguous_and_alive(world: World) -> None:
    world.age_access_token()
    world.provider.next_at_token.extend([dropped, dropped])
    assert world.sync() is RunOutcome.FAILED
    grant = world.grant
    assert (grant.state, grant.refresh_sent_at is not None) == (GrantState.AMBIGUOUS, True)
    assert world.last_run().refresh == "lost"
    world.provider.next_at_token.append(Answer(503))
    assert world.sync_again() is RunOutcome.FAILED
    assert world.grant.state == GrantState.AMBIGUOUS
    assert world.sync_again() is RunOutcome.CHANGED
    assert (world.grant.state, world.grant.refresh_sent_at) == (GrantState.ACTIVE, None)


def test_an_answer_lost_after_use_ends_a_grant_that_rotates_strictly(world: World) -> None:
    world.age_access_token()
    world.provider.next_at_token.append(dropped_after_use)
    assert world.sync() is RunOutcome.FAILED
    assert world.sync_again() is RunOutcome.STOPPED
    assert world.grant.state == GrantState.REAUTHORIZATION_REQUIRED
    assert len(world.provider.asked_at("/token")) == 3


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"access_token":""}', b'{"access_token":"a b"}', b'{"access_token":7}', b"[]"]
)
def test_an_answer_that_cannot_be_read_is_a_lost_one(world: World, body: bytes) -> None:
    world.age_access_token()
    world.provider.next_at_token.append(Answer(200, body))
    assert world.sync() is RunOutcome.CHANGED
    assert len(world.provider.asked_at("/token")) == 2


def test_a_request_that_never_left_is_not_a_lost_answer(world: World) -> None:
    from organizations.models import OAuthProvider
    from tests.servers import unused_port

    world.age_access_token()
    OAuthProvider.objects.update(token_url=f"http://127.0.0.1:{unused_port()}/token")
    assert world.sync() is RunOutcome.FAILED
    grant = world.grant
    assert (grant.state, grant.reason, grant.refresh_sent_at) == (GrantState.PENDING, "connect", None)


# -- Lost workers

_WORKER = """
import sys
import django
django.setup()
from core.principals import SYSTEM
from organizations.services.sync_pass import sync_due
print("working", flush=True)
sync_due(threads=1, seconds=60, actor=SYSTEM)
"""


@pytest.mark.parametrize("has_used_it", [False, True])
def test_a_worker_that_is_killed_mid_refresh_costs_no_grant_that_could_be_saved(
    fresh_database: "FreshDatabase", provider: Provider, tmp_path: Path, has_used_it: bool
) -> None:
    world = make_world(provider)
    world.age_access_token()
    has_arrived, may_go_on = threading.Event(), threading.Event()

    def hold(handler: Handler) -> None:
        if has_used_it:
            handler.provider.answer(handler.asked)
        has_arrived.set()
        may_go_on.wait(30)
        handler.close_connection = True

    provider.next_at_token.append(hold)
    env = {**bare_environment(), "DATABASE_URL": fresh_database.url, "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8"}
    env |= {"DJANGO_SETTINGS_MODULE": "sticker_auth.settings", "VAR_DIR": str(tmp_path)}
    worker = Process([sys.executable, "-c", _WORKER], env=env, log=tmp_path / "worker.log")
    assert has_arrived.wait(60)
    os.kill(worker.pid, signal.SIGKILL)
    worker.kill()
    may_go_on.set()
    assert world.grant.state == GrantState.REFRESHING
    assert world.sync() is None
    world.lose_worker()
    assert world.sync() is (RunOutcome.FAILED if has_used_it else RunOutcome.CHANGED)
    lost = SyncRun.objects.order_by("id").first()
    assert lost
    assert (lost.outcome, lost.reason) == (RunOutcome.LOST, "worker_lost")
    if has_used_it:
        assert world.sync_again() is RunOutcome.STOPPED
    assert world.grant.state == (GrantState.REAUTHORIZATION_REQUIRED if has_used_it else GrantState.ACTIVE)


def test_tokens_of_a_worker_that_was_thought_lost_are_kept(fresh_database: object, provider: Provider) -> None:
    world = make_world(provider)
    world.age_access_token()
    has_arrived, may_go_on = threading.Event(), threading.Event()

    def hold(handler: Handler) -> Answer:
        answer = handler.provider.answer(handler.asked)
        has_arrived.set()
        may_go_on.wait(30)
        return answer

    provider.next_at_token.append(hold)
    slow = threading.Thread(target=in_thread, args=(world.sync,))
    slow.start()
    assert has_arrived.wait(30)
    world.lose_worker()
    assert world.sync() is RunOutcome.FAILED
    assert world.grant.reason == "invalid_grant"
    may_go_on.set()
    slow.join()
    assert stored(world)[1] in provider.refresh_tokens
    assert world.sync_again() in (RunOutcome.CHANGED, RunOutcome.UNCHANGED)
    assert world.grant.state == GrantState.ACTIVE


def in_thread(call: Callable[[], object]) -> None:
    try:
        call()
    finally:
        connections.close_all()


# -- Handed over while something is under way


def test_new_tokens_win_over_a_refresh_under_way(fresh_database: object, provider: Provider) -> None:
    world = make_world(provider)
    world.age_access_token()
    fresh = issued_tokens(provider)

    def replace(handler: Handler) -> Answer:
        in_thread(lambda: connect_organization(world.organization, tokens=fresh, actor=ALICE))
        return handler.provider.answer(handler.asked)

    provider.next_at_token.append(replace)
    assert world.sync() is RunOutcome.SUPERSEDED
    assert stored(world) == (fresh.access_token, fresh.refresh_token)
    assert world.sync() is RunOutcome.CHANGED


def test_tokens_that_arrive_after_the_end_are_given_back(fresh_database: object, provider: Provider) -> None:
    world = make_world(provider, revocation_url=provider.url("/revoke"))
    world.age_access_token()

    def end(handler: Handler) -> Answer:
        in_thread(lambda: disconnect_organization(world.organization.pk, actor=ALICE))
        return handler.provider.answer(handler.asked)

    provider.next_at_token.append(end)
    assert world.sync() is RunOutcome.SUPERSEDED
    assert set(provider.revoked) == provider.refresh_tokens
    assert world.sync() is RunOutcome.REVOKED
    assert (world.grant.access_sealed, world.grant.refresh_sealed) == (None, None)


def test_the_same_tokens_again_are_no_news_even_after_they_were_refreshed(world: World, provider: Provider) -> None:
    tokens = issued_tokens(provider)
    connect_organization(world.organization, tokens=tokens, actor=ALICE)
    world.age_access_token()
    world.sync()
    after = stored(world)
    assert after[1] != tokens.refresh_token
    for store in (connect_organization, hand_over_tokens):
        store(world.organization, tokens=tokens, actor=ALICE)
        assert stored(world) == after
    assert world.grant.state == GrantState.ACTIVE


def test_a_setup_call_without_a_refresh_token_takes_none_away(world: World) -> None:
    from organizations.oauth.tokens import TokenSet

    refresh = stored(world)[1]
    hand_over_tokens(world.organization, tokens=TokenSet("at-new"), actor=ALICE)
    assert stored(world) == ("at-new", refresh)
    connect_organization(world.organization, tokens=TokenSet("at-newer"), actor=ALICE)
    assert world.grant.refresh_sealed is None


def test_a_dead_grant_takes_the_same_tokens_again(world: World) -> None:
    tokens = issued_tokens(world.provider)
    connect_organization(world.organization, tokens=tokens, actor=ALICE)
    OAuthGrant.objects.update(state=GrantState.REAUTHORIZATION_REQUIRED, next_sync_at=None)
    connect_organization(world.organization, tokens=tokens, actor=ALICE)
    assert world.sync() is RunOutcome.CHANGED


def test_sealed_tokens_hold_nothing_readable_and_open_nowhere_else(world: World, provider: Provider) -> None:
    other = make_world(provider)
    access = stored(world)[0]
    sealed = bytes(world.grant.access_sealed or b"")
    assert access.encode() not in sealed
    for place in (refresh_place(world.grant), access_place(other.grant)):
        with pytest.raises(DecryptionError):
            unseal(sealed, place=place)


# -- Giving up


def test_disconnecting_revokes_upstream_and_erases(db: None, provider: Provider) -> None:
    world = make_world(provider, revocation_url=provider.url("/revoke"))
    access, refresh = stored(world)
    disconnect_organization(world.organization.pk, actor=ALICE)
    disconnect_organization(world.organization.pk, actor=ALICE)
    assert world.sync() is RunOutcome.REVOKED
    assert provider.revoked == [refresh, access]
    grant = world.grant
    assert (grant.state, grant.access_sealed, grant.refresh_sealed) == (GrantState.DISCONNECTED, None, None)
    assert world.sync_again() is None


def test_without_a_revocation_endpoint_tokens_are_erased_at_once(world: World) -> None:
    grant = disconnect_organization(world.organization.pk, actor=ALICE)
    assert (grant.access_sealed, grant.refresh_sealed, grant.next_sync_at) == (None, None, None)


def test_a_revocation_that_fails_is_tried_again_for_a_day_and_then_erased(db: None, provider: Provider) -> None:
    from datetime import timedelta

    from django.db.models.functions import Now

    world = make_world(provider, revocation_url=provider.url("/revoke"))
    disconnect_organization(world.organization.pk, actor=ALICE)
    provider.next_at_revocation.extend([Answer(503)] * 2)
    assert world.sync() is RunOutcome.FAILED
    assert OAuthGrant.objects.filter(access_sealed__isnull=False).exists()
    OAuthGrant.objects.update(state_since=Now() - timedelta(hours=25))
    assert world.sync_again() is RunOutcome.FAILED
    assert (world.grant.access_sealed, world.grant.refresh_sealed) == (None, None)
