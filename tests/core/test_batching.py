"""Counters in memory: merged, stored together, kept while the store is down, bounded, and never in the way."""

from collections.abc import Iterator
from operator import add

import pytest
from django.db import DataError, OperationalError

from core import batching
from core.batching import Batch, flush_all


class Store:
    """A store that can be made to fail."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.during: list[tuple[str, int]] = []
        self.written: list[dict[str, int]] = []

    def write(self, pending: dict[str, int]) -> None:
        for key, value in self.during:
            self.batch.add(key, value)
        if self.failure:
            raise self.failure
        self.written.append(pending)

    batch: Batch[str, int]


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    made.batch = Batch("test", merge=add, write=made.write)
    yield made
    batching._batches.remove(made.batch)  # type: ignore[arg-type]  # the registry holds batches of any kind


def test_values_of_one_key_are_merged_and_stored_once(store: Store) -> None:
    for _ in range(1000):
        store.batch.add("a", 1)
    store.batch.add("b", 5)
    assert store.batch.flush() == 2
    assert store.written == [{"a": 1000, "b": 5}]


def test_nothing_pending_writes_nothing(store: Store) -> None:
    assert store.batch.flush() == 0
    assert store.written == []


def test_what_was_stored_is_not_stored_again(store: Store) -> None:
    store.batch.add("a", 1)
    store.batch.flush()
    store.batch.flush()
    assert store.written == [{"a": 1}]


def test_while_the_store_is_down_values_are_kept_and_merged_with_newer_ones(store: Store) -> None:
    store.batch.add("a", 1)
    store.failure, store.during = OperationalError("down"), [("a", 10), ("b", 2)]
    with pytest.raises(OperationalError):
        store.batch.flush()
    store.failure, store.during = None, []
    store.batch.flush()
    assert store.written == [{"a": 11, "b": 2}]


def test_a_store_that_is_down_for_long_never_makes_memory_grow(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_PENDING", 10)
    store.failure, store.during = OperationalError("down"), [(f"during {n}", 1) for n in range(10)]
    for n in range(10):
        store.batch.add(f"before {n}", 1)
    for _ in range(3):
        with pytest.raises(OperationalError):
            store.batch.flush()
    assert len(store.batch._pending) == 10


def test_over_the_bound_known_keys_still_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_PENDING", 2)
    for key in ("a", "b", "c", "a"):
        store.batch.add(key, 1)
    store.batch.flush()
    assert store.written == [{"a": 2, "b": 1}]


def test_a_value_that_cannot_be_stored_does_not_hold_up_later_ones(store: Store) -> None:
    store.batch.add("bad", 1)
    store.failure = DataError("too long")
    flush_all()
    store.failure = None
    store.batch.add("good", 1)
    flush_all()
    assert store.written == [{"good": 1}]


def test_one_batch_that_fails_does_not_stop_the_others(store: Store) -> None:
    def fail(_pending: dict[str, int]) -> None:
        raise RuntimeError("a fault of ours")

    broken: Batch[str, int] = Batch("broken", merge=add, write=fail)
    batching._batches.reverse()
    try:
        broken.add("x", 1)
        store.batch.add("a", 1)
        flush_all()
        assert store.written == [{"a": 1}]
    finally:
        batching._batches.remove(broken)  # type: ignore[arg-type]  # as above
        batching._batches.reverse()
