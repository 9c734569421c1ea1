"""The limits of guessing: they cost the guesser, nobody else can be locked out by them, and no hash is wasted on them."""

import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from core.errors import RateLimitExceededError, ServiceUnavailableError
from surfaces import attempts, passwords
from surfaces.attempts import Attempt, source_of
from surfaces.models import KnownLogin
from surfaces.names import SurfaceName
from tests.surfaces.tokens.parties import GENERATE_TOKEN, Reseller, make_customer, make_entitled, make_reseller

pytestmark = pytest.mark.django_db
OWNER, ATTACKER = "203.0.113.5", "203.0.113.66"


@pytest.fixture
def reseller() -> Reseller:
    return make_reseller()


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> Iterator[None]:
    """Small limits; and this process has seen nobody yet."""
    settings.LOGIN_FAILURES_PER_MINUTE = 3
    settings.LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE = 6
    attempts._memory._kept.clear()
    yield
    attempts._memory._kept.clear()


def login(email: str, password: str, *, address: str = OWNER) -> Any:
    body = {"Email": email, "Password": password}
    client = Client(HTTP_HOST="127.0.0.1:8000", REMOTE_ADDR=address)
    return client.post(GENERATE_TOKEN, body, content_type="application/json")


def guess(reseller: Reseller, *, times: int, address: str = ATTACKER) -> list[int]:
    return [login(reseller.account.email, f"guess {number}", address=address).status_code for number in range(times)]


def test_guessing_is_limited_for_an_account_from_an_address(reseller: Reseller) -> None:
    assert guess(reseller, times=5) == [400, 400, 400, 429, 429]
    answer = login(reseller.account.email, "guess", address=ATTACKER)
    assert (answer.json()["code"], answer.json()["name"], answer.json()["data"]) == (-50, "RATE_LIMIT_EXCEEDED", None)
    assert int(answer.headers["Retry-After"]) == answer.json()["retry_after"] > 0


def test_an_account_that_does_not_exist_is_limited_alike() -> None:
    found = [login("nobody@reseller.example", "guess", address=ATTACKER).status_code for _ in range(5)]
    assert found == [400, 400, 400, 429, 429]


def test_the_owner_is_not_locked_out_from_elsewhere(reseller: Reseller) -> None:
    guess(reseller, times=10)
    assert login(reseller.account.email, reseller.password).status_code == 200


def test_many_attacking_addresses_lock_nobody_out(reseller: Reseller) -> None:
    for number in range(8):
        guess(reseller, times=4, address=f"198.51.100.{number}")
    assert login(reseller.account.email, reseller.password).status_code == 200


def test_the_owner_is_not_locked_out_from_the_attackers_own_address_if_they_were_right_from_there(reseller: Reseller) -> None:
    assert login(reseller.account.email, reseller.password, address=ATTACKER).status_code == 200
    assert guess(reseller, times=6)[-1] == 429
    assert login(reseller.account.email, reseller.password, address=ATTACKER).status_code == 200
    assert guess(reseller, times=1) == [429]


def test_success_uses_nothing_up(reseller: Reseller) -> None:
    found = [login(reseller.account.email, reseller.password).status_code for _ in range(8)]
    assert found == [200] * 8


def test_an_address_that_tries_one_password_at_many_accounts_is_limited() -> None:
    found = [login(f"user{number}@reseller.example", "Summer2026!", address=ATTACKER).status_code for number in range(8)]
    assert found == [400] * 6 + [429] * 2


def test_an_account_that_was_right_from_a_shared_address_before_is_not_shut_out_by_others_there(reseller: Reseller) -> None:
    assert login(reseller.account.email, reseller.password).status_code == 200
    attempts._memory._kept.clear()  # another process, or another day
    for number in range(8):
        login(f"user{number}@reseller.example", "Summer2026!")
    assert login("fresh@reseller.example", "anything").status_code == 429
    assert login(reseller.account.email, reseller.password).status_code == 200


def test_who_is_over_a_limit_costs_no_hash(reseller: Reseller, monkeypatch: pytest.MonkeyPatch) -> None:
    guess(reseller, times=4)
    monkeypatch.delattr(passwords, "is_right")
    assert guess(reseller, times=1) == [429]


def test_reseller_and_customer_of_one_email_are_limited_apart() -> None:
    partner = make_entitled(SurfaceName.RESELLER, SurfaceName.STOREFRONT)
    reseller, customer = make_reseller(partner, email="same@x.example"), make_customer(partner, email="same@x.example")
    guess(reseller, times=4, address="127.0.0.1")
    assert customer.login().status_code == 200


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        (None, "unknown"),
    ],
)
def test_an_address_is_what_one_subscriber_has(address: str | None, source: str) -> None:
    assert source_of(address) == source


def test_what_is_remembered_names_nobody(reseller: Reseller) -> None:
    login(reseller.account.email, reseller.password)
    kept = repr(KnownLogin.objects.values().get()) + repr(attempts._memory._kept)
    for text in (reseller.account.email, reseller.password, OWNER):
        assert text not in kept


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_MOST_REMEMBERED", 3)
    for number in range(9):
        attempts._memory.keep(Attempt(f"account {number}", OWNER), "password")
    assert len(attempts._memory._kept) == 3
    for _ in range(3):
        attempts.count_failure(Attempt("account 1", OWNER))
    with pytest.raises(RateLimitExceededError):
        attempts.check(Attempt("account 1", OWNER), "password")


def test_one_password_is_hashed_at_a_time_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = [0], [0]

    def hash_one() -> None:
        with passwords.hashing():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            passwords.is_right("password", stored="")
            inside[0] -= 1

    threads = [threading.Thread(target=hash_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_whoever_waits_too_long_for_a_hash_is_told_to_come_back(reseller: Reseller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "QUEUE_SECONDS", 0.05)
    with passwords.hashing():
        answer = login(reseller.account.email, reseller.password)
        with pytest.raises(ServiceUnavailableError), passwords.hashing():
            pass
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "1", -91)
    assert login(reseller.account.email, reseller.password).status_code == 200


def test_an_unknown_account_and_a_wrong_password_take_the_same_time(reseller: Reseller, settings: Settings) -> None:
    settings.LOGIN_FAILURES_PER_MINUTE = settings.LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE = 100_000
    spent: dict[str, list[float]] = {reseller.account.email: [], "nobody@reseller.example": []}
    for _ in range(8):
        for email, times in spent.items():
            began = time.thread_time()
            assert login(email, "guess").status_code == 400
            times.append(time.thread_time() - began)
    known, unknown = (statistics.median(times) for times in spent.values())
    # Both hash once, which takes tens of milliseconds; everything else is one or two. The bound leaves room for a busy machine.
    assert abs(known - unknown) < 0.25 * max(known, unknown)


def test_a_hash_names_its_parameters_and_differs_each_time() -> None:
    first, second = passwords.hash_password("päss"), passwords.hash_password("päss")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert passwords.is_right("päss", stored=first)
    assert passwords.is_right("pa\u0308ss", stored=first)
    assert not passwords.is_right("pass", stored=first)
    assert not passwords.is_right("anything", stored="")


def test_a_hash_with_older_parameters_is_made_anew_at_the_next_login(reseller: Reseller) -> None:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    older = Argon2id(salt=b"0123456789abcdef", length=32, iterations=1, lanes=1, memory_cost=64)
    reseller.account.password = older.derive_phc_encoded(reseller.password.encode())
    reseller.account.save()
    assert login(reseller.account.email, reseller.password).status_code == 200
    reseller.account.refresh_from_db()
    assert not passwords.is_outdated(reseller.account.password)
    assert login(reseller.account.email, reseller.password).status_code == 200
