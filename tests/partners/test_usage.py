"""The use of keys: counted in memory, added up in batches, last use forward only."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.batching import flush_all
from core.credentials import KeyKind, mint_key
from core.principals import Environment
from partners import usage
from partners.models import ApiKey, KeyUsage
from partners.scopes import Scope
from partners.services.keys import find_key, pause_key
from partners.usage import ACCEPTED, UsageKey, Uses
from tests.factories import ALICE, make_key
from tests.partners.callers import SELF, ask

pytestmark = pytest.mark.django_db


def counted() -> list[tuple[str, str, str, int]]:
    rows = KeyUsage.objects.order_by("outcome", "endpoint", "network")
    return [(row.outcome, row.endpoint, row.network, row.count) for row in rows]


def used(key_id: int, *, seconds_ago: float = 0, network: str = "203.0.113.0/24") -> None:
    """Gather one use as a request would, at a time of our own."""
    at = time.time() - seconds_ago
    usage._uses.add(UsageKey(key_id, int(at) // 3600, ACCEPTED, "whoami", network), Uses(1, at))


def test_calls_are_added_up_by_outcome_endpoint_and_network() -> None:
    key = make_key().plaintext
    for _ in range(3):
        ask(key)
    ask(key, SELF)
    ask(key, address="203.0.113.77")
    flush_all()
    assert counted() == [
        ("accepted", "own-key", "127.0.0.0/24", 1),
        ("accepted", "whoami", "127.0.0.0/24", 3),
        ("accepted", "whoami", "203.0.113.0/24", 1),
    ]


def test_later_batches_add_to_what_is_there() -> None:
    key = make_key().plaintext
    for _ in range(2):
        ask(key)
        flush_all()
    assert counted() == [("accepted", "whoami", "127.0.0.0/24", 2)]


def test_refusals_of_a_proven_key_are_counted_by_reason() -> None:
    issued = make_key()
    pause_key(issued.key.pk, reason="", actor=ALICE)
    ask(issued.plaintext)
    flush_all()
    assert counted() == [("paused", "whoami", "127.0.0.0/24", 1)]


def test_a_key_nobody_issued_leaves_no_counter() -> None:
    ask(mint_key(KeyKind.SECRET, Environment.TEST).plaintext)
    flush_all()
    assert counted() == []


def test_a_good_call_writes_nothing_by_itself() -> None:
    key = make_key(scopes=[Scope.KEY_READ]).plaintext
    with CaptureQueriesContext(connection) as queries:
        ask(key, SELF)
    assert not [query["sql"] for query in queries if not query["sql"].lstrip().startswith("SELECT")]


def test_the_last_use_is_noted_with_its_network() -> None:
    issued = make_key()
    ask(issued.plaintext, address="2001:db8:1:2::3")
    flush_all()
    key = find_key(issued.key.kid)
    assert key.last_used_at is not None
    assert timezone.now() - key.last_used_at < timedelta(minutes=1)
    assert key.last_used_network == "2001:db8:1::/48"


def test_a_refused_call_is_no_use() -> None:
    issued = make_key(networks=["198.51.100.0/24"])
    ask(issued.plaintext)
    flush_all()
    assert find_key(issued.key.kid).last_used_at is None


def test_a_late_batch_of_another_process_never_turns_the_last_use_back() -> None:
    key = make_key().key
    used(key.pk)
    flush_all()
    newest = find_key(key.kid).last_used_at
    used(key.pk, seconds_ago=7200, network="198.51.100.0/24")
    flush_all()
    found = find_key(key.kid)
    assert (found.last_used_at, found.last_used_network) == (newest, "203.0.113.0/24")


@pytest.mark.parametrize(
    ("later_by", "network", "is_written"),
    [(59, "203.0.113.0/24", False), (61, "203.0.113.0/24", True), (1, "198.51.100.0/24", True)],
)
def test_a_busy_key_is_written_once_a_minute_or_when_its_network_changes(later_by: int, network: str, is_written: bool) -> None:
    key = make_key().key
    used(key.pk, seconds_ago=100)
    flush_all()
    first = find_key(key.kid).last_used_at
    used(key.pk, seconds_ago=100 - later_by, network=network)
    flush_all()
    found = find_key(key.kid)
    assert (found.last_used_at != first) is is_written
    assert found.last_used_network == network


def test_of_two_uses_in_one_batch_the_later_stands() -> None:
    key = make_key().key
    used(key.pk)
    used(key.pk, seconds_ago=10, network="198.51.100.0/24")
    flush_all()
    assert find_key(key.kid).last_used_network == "203.0.113.0/24"


def test_many_keys_are_noted_with_two_statements() -> None:
    keys = [make_key().key.pk for _ in range(20)]
    for pk in keys:
        used(pk)
    with CaptureQueriesContext(connection) as queries:
        flush_all()
    assert [query["sql"].split()[0] for query in queries if "SAVEPOINT" not in query["sql"]] == ["INSERT", "UPDATE"]
    assert not ApiKey.objects.filter(pk__in=keys, last_used_at=None).exists()


def test_counters_answer_what_staff_ask() -> None:
    issued = make_key()
    for address in ("203.0.113.1", "203.0.113.2", "198.51.100.1"):
        ask(issued.plaintext, address=address)
    flush_all()
    rows = KeyUsage.objects.filter(key=issued.key).since(timezone.now() - timedelta(hours=24))
    assert rows.total() == 3
    assert rows.networks() == ["203.0.113.0/24", "198.51.100.0/24"]
    assert KeyUsage.objects.since(timezone.now() + timedelta(hours=1)).total() == 0
