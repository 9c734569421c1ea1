"""Handles: derived, recognised, and never accepted when made up."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from core.keyring import RingKey
from sessions_app.handles import first_handle, parse_handle, steps_behind

PEPPER = RingKey(1, b"p" * 32)
SESSION = uuid.UUID(int=7)


def _first(redeem_id: str = "r" * 32) -> object:
    return first_handle(SESSION, pepper=PEPPER, session_key="a" * 64, redeem_id=redeem_id)


def test_same_redemption_derives_the_same_handle() -> None:
    assert _first() == _first()
    assert _first() != _first("s" * 32)


def test_pepper_decides_the_handle() -> None:
    other = RingKey(2, b"q" * 32)
    assert first_handle(SESSION, pepper=other, session_key="a" * 64, redeem_id="r" * 32) != _first()


@given(behind=st.integers(0, 6), ahead=st.integers(0, 3))
def test_ancestors_are_recognised_by_their_distance(behind: int, ahead: int) -> None:
    handle = first_handle(SESSION, pepper=PEPPER, session_key="a" * 64, redeem_id="r" * 32)
    for _ in range(ahead):
        handle = handle.successor(PEPPER)
    current = handle
    for _ in range(behind):
        current = current.successor(PEPPER)
    generation = ahead + behind
    assert steps_behind(handle, digest=current.digest(PEPPER), pepper=PEPPER, generation=generation) == behind


@given(secret=st.text("0123456789abcdef", min_size=64, max_size=64))
def test_made_up_handle_is_nobodys_ancestor(secret: str) -> None:
    current = first_handle(SESSION, pepper=PEPPER, session_key="a" * 64, redeem_id="r" * 32)
    made_up = parse_handle(SESSION.hex + secret)
    assert made_up is not None
    assert steps_behind(made_up, digest=current.digest(PEPPER), pepper=PEPPER, generation=3) is None


@given(st.text(max_size=120))
def test_only_the_exact_form_is_a_handle(text: str) -> None:
    parsed = parse_handle(text)
    assert parsed is None or parsed.text == text
