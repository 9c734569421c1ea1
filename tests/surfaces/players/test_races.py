"""Many tokens at one moment, on a database where commits are real: one fetch, one use, one profile."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections

from audit.models import Event
from organizations.models import Organization, Profile
from surfaces.models.players import Algorithm, JtiPolicy, PlayerJti
from surfaces.players.checks import Use
from surfaces.players.proof import prove_player
from surfaces.verification import NotProvenError
from tests.core.egress.hosts import host
from tests.databases import FreshDatabase
from tests.factories import make_partner
from tests.surfaces.players.key_hosts import Gate, serve
from tests.surfaces.players.shops import OpenShop
from tests.surfaces.players.signers import Signer, key_set, make_issuer, player_claims, signer

PROVER = Path(__file__).with_name("prover.py")


@pytest.fixture(autouse=True)
def committed(fresh_database: FreshDatabase) -> Iterator[None]:
    yield
    connections.close_all()


def at_once(count: int, act: Callable[[], str]) -> list[str]:
    barrier = threading.Barrier(count)

    def run(_number: int) -> str:
        barrier.wait()
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_first_tokens_of_many_threads_wait_for_one_fetch(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    gate = Gate(serve(lambda: key_set(by)))
    shop = open_shop(gate)

    opener = threading.Thread(target=gate.open_when_asked)
    opener.start()
    outcomes = at_once(10, lambda: shop.reason(by))
    opener.join()
    assert outcomes == ["accepted"] * 10
    assert shop.there.connections == 1
    assert Profile.objects.filter(partner=shop.partner).count() == 1


def test_rotation_under_load_costs_one_fetch_and_refuses_nobody(open_shop: OpenShop) -> None:
    old, new = signer(Algorithm.ES256, kid="old"), signer(Algorithm.ES256, kid="new")
    published = [old]
    shop = open_shop(serve(lambda: key_set(*published)))
    shop.prove(old)
    published[:] = [old, new]
    assert at_once(10, lambda: shop.reason(new)) == ["accepted"] * 10
    assert shop.there.connections == 2


def test_flood_of_made_up_ids_from_many_threads_is_one_fetch(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(by)))
    shop.prove(by)
    numbers = iter(range(1000))

    def flood() -> str:
        reasons = {shop.reason(Signer(Algorithm.ES256, by.key, f"x{next(numbers)}")) for _ in range(20)}
        return ",".join(sorted(reasons))

    assert set(at_once(8, flood)) == {"player_key"}
    assert shop.there.connections == 2


def test_processes_share_one_fetch_and_one_bound(fresh_database: FreshDatabase) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    gate = Gate(serve(lambda: key_set(by)))
    with host(gate) as there:
        partner = make_partner()
        make_issuer(partner, jwks_url=there.url("/jwks.json"))
        made_up = [Signer(Algorithm.ES256, by.key, f"x{number}").token() for number in range(5)]
        tokens = "\n".join([partner.slug, by.token(), *made_up])
        environment = {
            **os.environ,
            "DATABASE_URL": fresh_database.url,
            "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PYTHONPATH": os.getcwd(),
        }
        provers = [
            subprocess.Popen(
                [sys.executable, str(PROVER)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(3)
        ]
        for prover in provers:
            assert prover.stdout is not None
            assert prover.stdout.readline() == "ready\n"
        opener = threading.Thread(target=gate.open_when_asked)
        opener.start()
        with ThreadPoolExecutor(3) as pool:
            said = list(pool.map(lambda prover: prover.communicate(tokens, timeout=60)[0].split(), provers))
        opener.join()
    assert said == [["accepted", *["player_key"] * 5]] * 3
    assert there.connections == 2


def test_token_good_once_is_used_by_exactly_one(open_shop: OpenShop) -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by, jti_policy=JtiPolicy.ALWAYS)
    for _ in range(5):
        token = by.token()

        def use(token: str = token) -> str:
            try:
                player = prove_player(token, shop=partner.slug, use=Use.BEARER)
                assert player.single_use is not None
                player.single_use.settle()
            except NotProvenError as refused:
                return refused.reason
            return "accepted"

        outcomes = at_once(10, use)
        assert sorted(outcomes) == ["accepted", *["player_jti_used"] * 9]
    assert PlayerJti.objects.count() == 5


def test_first_sight_by_many_threads_makes_one_profile_and_one_organization() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)

    def prove() -> str:
        return str(prove_player(by.token(player_claims(sub="newcomer")), shop=partner.slug, use=Use.BEARER).profile_id)

    assert len(set(at_once(10, prove))) == 1
    assert Profile.objects.filter(partner=partner).count() == 1
    assert Organization.objects.filter(partner=partner).count() == 1
    created = Event.objects.filter(partner_id=partner.pk, type__in=["profile.created", "organization.created"])
    assert sorted(created.values_list("type", flat=True)) == ["organization.created", "profile.created"]
