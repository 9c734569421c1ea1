"""Key sets over real sockets: fetched once, renewed, rotated, kept when their host is down, and never fetched too often."""

import json
import socket
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from audit.models import Event
from surfaces.models.players import Algorithm
from surfaces.players import held_keys
from surfaces.players.jwks import time_to_live
from surfaces.players.policy import IssuerPolicy
from surfaces.services.player_issuers import update_issuer
from surfaces.services.player_keys import drop_kid, fetch_now, restore_kid
from surfaces.verification import NotProvenError
from tests.core.egress.hosts import Answer, host, say
from tests.factories import ALICE
from tests.surfaces.players.key_hosts import Failing, serve
from tests.surfaces.players.shops import OpenShop
from tests.surfaces.players.signers import AUDIENCE, PUBLIC, Signer, key_set, signer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_first_token_fetches_the_set_and_those_after_it_do_not(open_shop: OpenShop, algorithm: Algorithm) -> None:
    by = signer(algorithm, kid="k1")
    shop = open_shop(serve(lambda: key_set(by)))
    shop.prove(by)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            assert shop.prove(by).kid == "k1"
    assert (len(queries), shop.there.connections) == (3, 1)
    assert b"GET /jwks.json HTTP/1.1" in shop.there.heads[0]


def test_rotated_key_is_found_by_its_unknown_id(open_shop: OpenShop) -> None:
    old, new = signer(Algorithm.ES256, kid="old"), signer(Algorithm.ES256, kid="new")
    published = [old]
    shop = open_shop(serve(lambda: key_set(*published)))
    shop.prove(old)
    published[:] = [old, new]
    shop.prove(new)
    shop.prove(old)
    assert shop.there.connections == 2
    published[:] = [new]
    fetch_now(shop.issuer.pk, actor=ALICE)
    assert shop.reason(old) == "player_key"
    shop.prove(new)


def test_made_up_ids_cause_one_fetch_in_thirty_seconds(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(by)))
    shop.prove(by)
    for number in range(20):
        assert shop.reason(Signer(Algorithm.ES256, by.key, f"made-up-{number}")) == "player_key"
    assert shop.there.connections == 2
    with CaptureQueriesContext(connection) as queries:
        assert shop.reason(Signer(Algorithm.ES256, by.key, "made-up-x")) == "player_key"
    assert len(queries) == 1
    # Another process knows nothing of this one's patience, and is held back by the row.
    held_keys._not_before.clear()
    assert shop.reason(Signer(Algorithm.ES256, by.key, "made-up-y")) == "player_key"
    assert shop.there.connections == 2
    held_keys._not_before.clear()
    shop.age(forced_at=timedelta(seconds=31))
    assert shop.reason(Signer(Algorithm.ES256, by.key, "made-up-y")) == "player_key"
    assert shop.there.connections == 2, "an id that was looked for in vain is not looked for again at once"
    assert shop.reason(Signer(Algorithm.ES256, by.key, "made-up-z")) == "player_key"
    assert shop.there.connections == 3


def test_token_that_would_be_refused_anyway_fetches_nothing(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(by)))
    shop.prove(by)
    with pytest.raises(NotProvenError, match="player_key"):
        shop.prove(Signer(Algorithm.ES256, by.key, "k2"), exp=int(time.time()) - 1)
    assert shop.there.connections == 1


def test_miss_never_drops_the_good_keys(open_shop: OpenShop) -> None:
    by = signer(Algorithm.EDDSA, kid="k1")
    host_of_keys = Failing(serve(lambda: key_set(by)), serve(lambda: b"{}", status=500))
    shop = open_shop(host_of_keys)
    shop.prove(by)
    host_of_keys.is_up = False
    assert shop.reason(Signer(Algorithm.EDDSA, by.key, "k2")) == "player_key"
    assert shop.there.connections == 2
    shop.prove(by)


BAD_HOSTS: dict[str, tuple[Answer, str]] = {
    "an error": (serve(lambda: b"{}", status=500), "status_500"),
    "nothing there": (serve(lambda: b"{}", status=404), "status_404"),
    "a redirect": (serve(lambda: b"{}", status=302, headers="Location: http://127.0.0.1:9/keys\r\n"), "status_302"),
    "no JSON": (serve(lambda: b"<html>"), "document"),
    "no list of keys": (serve(lambda: b'{"keys":{}}'), "document"),
    "keys twice": (serve(lambda: b'{"keys":[],"keys":[]}'), "document"),
    "no key": (serve(lambda: b'{"keys":[]}'), "no_usable_key"),
    "only a secret": (serve(lambda: b'{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256"}]}'), "no_usable_key"),
    "too many keys": (serve(lambda: json.dumps({"keys": [{"kty": "oct"}] * 21}).encode()), "document"),
    "too large": (serve(lambda: b'{"keys":[' + b" " * 65_536 + b"]}"), "too_large"),
    "silence": (lambda connected, _head: _wait(connected), "timeout"),
    "hanging up": (say(b""), "connect"),
}


def _wait(connected: socket.socket) -> None:
    connected.recv(1)


@pytest.mark.parametrize("case", BAD_HOSTS)
def test_bad_host_costs_a_second_at_most_and_then_nothing(open_shop: OpenShop, case: str) -> None:
    answer, failure = BAD_HOSTS[case]
    by, shop = signer(Algorithm.ES256, kid="k1"), open_shop(answer)
    began = time.monotonic()
    assert shop.reason(by) == "player_keys_unavailable"
    # A second is what it may take; the rest is for a machine that is busy. A host that is silent would take for ever.
    assert time.monotonic() - began < 10
    assert shop.cache.failure in (failure, "protocol")
    for _ in range(5):
        assert shop.reason(by) == "player_keys_unavailable"
    assert shop.there.connections == 1
    assert Event.objects.filter(type="player_keys.stale", subject_id=str(shop.issuer.pk)).count() == 1


def test_retries_are_spaced_further_and_further(open_shop: OpenShop) -> None:
    shop = open_shop(serve(lambda: b"{}", status=500))
    by, waits = signer(Algorithm.ES256, kid="k1"), []
    for _ in range(9):
        assert shop.reason(by) == "player_keys_unavailable"
        cache = shop.cache
        assert cache.next_attempt_at is not None
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            waits.append(round((cache.next_attempt_at - cursor.fetchone()[0]).total_seconds()))
        shop.age(next_attempt_at=timedelta(hours=1))
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert shop.there.connections == 9


def test_keys_serve_a_day_while_their_host_is_down_and_the_alarm_is_raised_once(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    host_of_keys = Failing(serve(lambda: key_set(by)), serve(lambda: b"{}", status=503))
    shop = open_shop(host_of_keys)
    shop.prove(by)
    host_of_keys.is_up = False
    shop.age(fresh_until=timedelta(hours=1))
    for _ in range(3):
        shop.prove(by)
    assert shop.there.connections == 2
    stale = Event.objects.filter(type="player_keys.stale", subject_id=str(shop.issuer.pk))
    assert [event.data["failure"] for event in stale] == ["status_503"]
    shop.age(next_attempt_at=timedelta(hours=1))
    shop.prove(by)
    assert (shop.there.connections, stale.count()) == (3, 1)
    shop.age(usable_until=timedelta(hours=25))
    assert shop.reason(by) == "player_keys_unavailable"
    host_of_keys.is_up = True
    shop.age(next_attempt_at=timedelta(hours=1))
    shop.prove(by)
    assert Event.objects.filter(type="player_keys.recovered", subject_id=str(shop.issuer.pk)).count() == 1
    assert (shop.cache.failing_since, shop.cache.failures) == (None, 0)


def test_dropped_key_ends_at_once_and_stays_out_when_the_set_is_fetched_again(open_shop: OpenShop) -> None:
    one, two = signer(Algorithm.ES256, kid="k1"), signer(Algorithm.ES256, kid="k2")
    shop = open_shop(serve(lambda: key_set(one, two)))
    shop.prove(one)
    assert drop_kid(shop.issuer.pk, kid="k1", reason="leaked", actor=ALICE) is True
    assert drop_kid(shop.issuer.pk, kid="k1", reason="leaked", actor=ALICE) is False
    assert shop.reason(one) == "player_key"
    assert shop.there.connections == 1, "a dropped key is not looked for"
    shop.prove(two)
    fetch_now(shop.issuer.pk, actor=ALICE)
    assert shop.reason(one) == "player_key"
    assert restore_kid(shop.issuer.pk, kid="k1", reason="mistake", actor=ALICE) is True
    shop.prove(one)


def test_key_without_an_id_is_dropped_by_its_thumbprint(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256)
    shop = open_shop(serve(lambda: key_set(by)))
    shop.prove(by)
    done = fetch_now(shop.issuer.pk, actor=ALICE)
    assert done.key_set is not None
    drop_kid(shop.issuer.pk, kid=done.key_set.keys[0].thumbprint, reason="leaked", actor=ALICE)
    assert shop.reason(by) == "player_key"


def test_usable_keys_count_beside_unusable_ones(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    others = [{"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-521"}, {**by.jwk, "use": "enc", "kid": "k9"}, {"kty": 5}]
    shop = open_shop(serve(lambda: json.dumps({"keys": [*others, by.jwk]}).encode()))
    shop.prove(by)
    done = fetch_now(shop.issuer.pk, actor=ALICE)
    assert done.key_set is not None
    assert (len(done.key_set.keys), len(done.key_set.left_out)) == (1, 4)


def test_nothing_is_fetched_inside_a_transaction(open_shop: OpenShop) -> None:
    by, late = signer(Algorithm.ES256, kid="k1"), signer(Algorithm.ES256, kid="k2")
    shop = open_shop(serve(lambda: key_set(by, late)))
    with transaction.atomic():
        assert shop.reason(by) == "player_keys_unavailable"
    assert shop.there.connections == 0
    shop.prove(by)
    shop.age(fresh_until=timedelta(hours=1))
    with transaction.atomic():
        shop.prove(late)
    assert shop.there.connections == 1


def test_another_url_means_other_keys(open_shop: OpenShop) -> None:
    ours, theirs = signer(Algorithm.ES256, kid="k1"), signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(ours)))
    shop.prove(ours)
    with host(serve(lambda: key_set(theirs))) as there:
        policy = IssuerPolicy("Acme accounts", AUDIENCE, list(PUBLIC), jwks_url=there.url("/new"), allows_profile_creation=True)
        update_issuer(shop.issuer.pk, policy=policy, actor=ALICE)
        assert shop.reason(ours) == "player_signature"
        shop.prove(theirs)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("", 600),
        ("public", 600),
        ("max-age=0", 60),
        ("max-age=59", 60),
        ("public, max-age=120", 120),
        ('max-age="900"', 900),
        ("max-age=86400", 3600),
        ("max-age=999999999999", 600),
        ("s-maxage=120", 600),
        ("no-store", 60),
        ("no-cache, max-age=900", 60),
        ("max-age=-1", 600),
    ],
)
def test_life_of_a_set_is_what_its_host_says_within_bounds(said: str, seconds: int) -> None:
    assert time_to_live({"cache-control": said}) == timedelta(seconds=seconds)


def test_refusing_url_is_a_failure_like_any_other(open_shop: OpenShop, settings: Settings) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(by)))
    settings.EGRESS_ALLOWED_NETWORKS = []
    assert shop.reason(by) == "player_keys_unavailable"
    assert (shop.cache.failure, shop.there.connections) == ("scheme", 0)
