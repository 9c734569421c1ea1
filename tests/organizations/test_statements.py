"""What the setup calls cost: fixed numbers of reads and writes, whatever happened before."""

import re
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.organizations.backend import ADDRESS, MEMBER, SITE, Backend, partner_body, setup_body


def cost(call: Callable[[], Any]) -> tuple[int, int]:
    """The numbers of statements that read and that write; the marks of transactions and savepoints aside."""
    with CaptureQueriesContext(connection) as captured:
        call()
    statements = [query["sql"] for query in captured.captured_queries]
    statements = [sql for sql in statements if not re.match(r"BEGIN|COMMIT|SAVEPOINT|RELEASE|ROLLBACK", sql)]
    writes = sum(bool(re.search(r"\b(INSERT INTO|UPDATE \"|DELETE FROM)", sql)) for sql in statements)
    return len(statements) - writes, writes


def test_new_organization_with_its_first_user(backend: Backend) -> None:
    # Reads: key, organization, user. Writes: limit, organization, user, and a ledger row for each of the two.
    assert cost(backend.setup) == (3, 5)


def test_next_user_of_a_known_organization(backend: Backend) -> None:
    backend.setup()
    assert cost(lambda: backend.setup(setup_body(internalUserId="user-2"))) == (3, 3)


def test_addresses_are_written_by_kind_however_many_there_are(backend: Backend) -> None:
    body = setup_body(userAddress=ADDRESS, billingAddress=ADDRESS, shippingLocations=[ADDRESS] * 50)
    assert cost(lambda: backend.setup(body)) == (3, 9)


def test_repeated_user(backend: Backend) -> None:
    backend.setup()
    assert cost(backend.setup) == (4, 1)


def test_idempotency_key_adds_one_read_and_two_writes(backend: Backend) -> None:
    assert cost(lambda: backend.setup(**{"Idempotency-Key": "one"})) == (4, 7)


def test_kept_answer(backend: Backend) -> None:
    backend.setup(**{"Idempotency-Key": "one"})
    assert cost(lambda: backend.setup(**{"Idempotency-Key": "one"})) == (2, 1)


def test_refused_body_costs_the_key_and_the_limit(backend: Backend) -> None:
    assert cost(lambda: backend.setup({})) == (1, 1)


def test_malformed_key_costs_nothing(backend: Backend) -> None:
    assert cost(lambda: backend.setup(Authorization="Bearer sk_test_nonsense")) == (0, 0)


def test_users_and_sites_of_the_older_form_are_written_together(backend: Backend) -> None:
    # One ledger row for the organization and one for each user who is new or changed.
    users = [{**MEMBER, "email": f"user{number}@northwind.example"} for number in range(10)]
    body = partner_body(users=users, **{"organization.addresses": [dict(SITE)] * 10})
    assert cost(lambda: backend.partner_setup(body)) == (2, 6 + 10)
    assert cost(lambda: backend.partner_setup(body)) == (2, 6)
