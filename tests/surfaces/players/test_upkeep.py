"""What happens between requests: key sets are renewed before they are due, used ids go when their tokens have expired."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from surfaces.models.players import Algorithm, JtiPolicy, PlayerJti
from surfaces.players.checks import Use
from surfaces.players.proof import prove_player
from surfaces.services.player_issuers import disable_issuer
from surfaces.services.player_upkeep import purge_used_ids, renew_key_sets
from surfaces.tasks import purge_used_player_ids, renew_player_key_sets
from tests.factories import ALICE, make_partner
from tests.surfaces.players.key_hosts import Failing, serve
from tests.surfaces.players.shops import OpenShop
from tests.surfaces.players.signers import key_set, make_issuer, player_claims, signer

pytestmark = pytest.mark.django_db


def test_set_is_renewed_before_it_is_due_and_no_request_waits(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(by), headers="Cache-Control: max-age=300\r\n"))
    assert renew_key_sets(budget_seconds=5) == 0, "what nobody has used is not fetched"
    shop.prove(by)
    assert renew_key_sets(budget_seconds=5) == 0
    shop.age(fresh_until=timedelta(seconds=250))
    assert renew_player_key_sets() == 1
    assert shop.there.connections == 2
    with CaptureQueriesContext(connection) as queries:
        shop.prove(by)
    assert (len(queries), shop.there.connections) == (1, 2)


def test_host_that_was_down_is_tried_again_without_a_request(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    host_of_keys = Failing(serve(lambda: key_set(by)), serve(lambda: b"{}", status=503))
    host_of_keys.is_up = False
    shop = open_shop(host_of_keys)
    assert shop.reason(by) == "player_keys_unavailable"
    assert renew_key_sets(budget_seconds=5) == 0
    assert shop.there.connections == 1, "it has only just failed"
    host_of_keys.is_up = True
    shop.age(next_attempt_at=timedelta(minutes=1))
    assert renew_key_sets(budget_seconds=5) == 1
    shop.prove(by)


def test_disabled_issuer_is_not_fetched_for(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(by)))
    shop.prove(by)
    disable_issuer(shop.issuer.pk, reason="gone", actor=ALICE)
    shop.age(fresh_until=timedelta(hours=2))
    assert renew_key_sets(budget_seconds=5) == 0


def test_used_ids_go_once_their_tokens_have_expired() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by, jti_policy=JtiPolicy.ALWAYS)
    for left in (2, 300):
        token = by.token(player_claims(exp=int(time.time()) + left))
        player = prove_player(token, shop=partner.slug, use=Use.BEARER)
        assert player.single_use is not None
        player.single_use.settle()
    assert purge_used_ids() == 0
    PlayerJti.objects.filter(pk=PlayerJti.objects.earliest("expires_at").pk).update(expires_at="2026-01-01T00:00:00Z")
    assert purge_used_player_ids() == 1
    assert PlayerJti.objects.count() == 1
