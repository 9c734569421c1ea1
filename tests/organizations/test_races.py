"""Many callers at once, each on a connection of its own: one creates, nobody meets a 5xx, nothing is half there."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections

from audit.models import Event
from organizations.models import Address, Organization, Profile
from partners.models import IdempotencyRecord
from tests.organizations.backend import MEMBER, SITE, Backend, make_backend, partner_body, setup_body

CONTENDERS = 20


def all_at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make every call in a thread of its own, all starting together; return the answers in order."""
    gate = threading.Barrier(len(calls))
    answers: list[Any] = [None] * len(calls)

    def run(position: int) -> None:
        try:
            gate.wait()
            answers[position] = calls[position]()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(position,)) for position in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def statuses(answers: Sequence[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_of_equal_setups_exactly_one_creates(fresh_database: object) -> None:
    backend = make_backend()
    answers = all_at_once([backend.setup] * CONTENDERS)
    assert statuses(answers) == {201: 1, 409: CONTENDERS - 1}
    assert len({answer.json()["profileId"] for answer in answers}) == 1
    assert (Organization.objects.count(), Profile.objects.count()) == (1, 1)
    assert Event.objects.filter(type__regex="^(organization|profile)").count() == 2


def test_equal_setups_with_one_idempotency_key_get_one_answer(fresh_database: object) -> None:
    backend = make_backend()
    answers = all_at_once([lambda: backend.setup(**{"Idempotency-Key": "one"})] * CONTENDERS)
    assert statuses(answers) == {201: CONTENDERS}
    assert len({answer.json()["profileId"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert (Profile.objects.count(), IdempotencyRecord.objects.count()) == (1, 1)


def test_many_users_of_one_new_organization_all_get_in(fresh_database: object) -> None:
    backend = make_backend()
    bodies = [setup_body(internalUserId=f"user-{number}") for number in range(CONTENDERS)]
    answers = all_at_once([lambda body=body: backend.setup(body) for body in bodies])  # type: ignore[misc]  # bound now
    assert statuses(answers) == {201: CONTENDERS}
    assert sum(answer.json()["organizationCreated"] for answer in answers) == 1
    assert (Organization.objects.count(), Profile.objects.count()) == (1, CONTENDERS)


def test_user_claimed_for_many_organizations_belongs_to_one(fresh_database: object) -> None:
    backend = make_backend()
    bodies = [setup_body(internalOrgId=f"org-{number}") for number in range(CONTENDERS)]
    answers = all_at_once([lambda body=body: backend.setup(body) for body in bodies])  # type: ignore[misc]  # bound now
    assert statuses(answers) == {201: 1, 409: CONTENDERS - 1}
    assert len({answer.json()["internalOrgId"] for answer in answers}) == 1
    assert Organization.objects.count() == 1


def test_older_form_creates_once_and_never_mixes_two_calls(fresh_database: object) -> None:
    backend = make_backend()
    answers = all_at_once([older_call(backend, number) for number in range(CONTENDERS)])
    assert statuses(answers) == {201: 1, 200: CONTENDERS - 1}
    assert sum(answer.json()["users_created"] for answer in answers) == 3
    organization, streets = Organization.objects.get(), Address.objects.order_by("pk").values_list("line1", flat=True)
    assert list(streets) == [f"{organization.name} first", f"{organization.name} second"]
    assert set(Profile.objects.values_list("last_name", flat=True)) == {organization.name}


def older_call(backend: Backend, number: int) -> Callable[[], Any]:
    """A call that puts its own mark on everything it writes; half of them name the users the other way round."""
    name = f"Call {number}"
    users = [{**MEMBER, "email": f"{who}@northwind.example", "last_name": name} for who in ("ada", "bo", "eve")]
    body = partner_body(
        users=users if number % 2 else users[::-1],
        **{
            "organization.name": name,
            "organization.addresses": [{**SITE, "line1": f"{name} first"}, {**SITE, "line1": f"{name} second"}],
        },
    )
    return lambda: backend.partner_setup(body)


def test_both_forms_at_once_leave_one_organization(fresh_database: object) -> None:
    backend = make_backend()
    calls: list[Callable[[], Any]] = []
    for number in range(CONTENDERS // 2):
        body = setup_body(internalUserId=f"user-{number}")
        calls += [older_call(backend, number), lambda body=body: backend.setup(body)]  # type: ignore[misc]  # bound now
    answers = all_at_once(calls)
    assert all(answer.status_code in (200, 201) for answer in answers)
    assert Organization.objects.count() == 1
    assert Profile.objects.exclude(external_id=None).count() == CONTENDERS // 2
    assert Address.objects.filter(is_primary=True).count() == 1


def test_removed_user_comes_back_once(fresh_database: object) -> None:
    from django.db.models.functions import Now

    backend = make_backend()
    backend.setup()
    Profile.objects.update(removed_at=Now())
    assert statuses(all_at_once([backend.setup] * CONTENDERS)) == {201: 1, 409: CONTENDERS - 1}


def test_limit_is_exact_under_contention(fresh_database: object) -> None:
    backend = make_backend(setup_per_minute=5)
    bodies = [setup_body(internalUserId=f"user-{number}") for number in range(CONTENDERS)]
    answers = all_at_once([lambda body=body: backend.setup(body) for body in bodies])  # type: ignore[misc]  # bound now
    assert statuses(answers)[201] == 5
    assert statuses(answers)[429] == CONTENDERS - 5
