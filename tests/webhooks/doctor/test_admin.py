"""The signature doctor on an endpoint's page: it explains, changes nothing, and shows no secret again."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import Event
from sticker_auth.roles import Role
from tests.admin.staff import signed_in
from tests.webhooks.conftest import Backend
from webhooks.formats import SignatureFormat
from webhooks.models import Endpoint
from webhooks.signing import Secrets, mint_secret, sign, stash_signature

BODY = b'{"order":"ord_1"}'


@pytest.fixture
def made(backend: Backend) -> Any:
    """A new endpoint: its facts, with the secret."""
    return backend.add_endpoint()


@pytest.fixture
def staff(db: None) -> Client:
    return signed_in(Role.SUPPORT)


def url_of(made: Any) -> str:
    return reverse("admin:webhooks_endpoint_diagnose", args=[made["id"]])


def headers_of(made: Any, body: bytes = BODY, *, age_seconds: int = 0) -> str:
    """The headers of a delivery, as they are pasted."""
    stamp = int(timezone.now().timestamp()) - age_seconds
    signed = sign(
        body, message_id="msg_1", timestamp=stamp, secrets=Secrets(made["secret"]), signature_format=SignatureFormat.STANDARD
    )
    return "\n".join(f"{name}: {value}" for name, value in signed.items())


def facts(staff: Client, made: Any, **fields: str) -> dict[str, str]:
    answer = staff.post(url_of(made), {"headers": headers_of(made), "body": BODY.decode(), **fields})
    assert answer.status_code == 200
    return {each.label: str(each.value) for each in answer.context["facts"]}


def test_the_page_asks_and_the_endpoints_own_leads_there(staff: Client, made: Any) -> None:
    assert staff.get(url_of(made)).context["facts"] == []
    page = staff.get(reverse("admin:webhooks_endpoint_change", args=[made["id"]])).content.decode()
    assert url_of(made) in page


def test_a_good_delivery_is_said_to_fit(staff: Client, made: Any) -> None:
    found = facts(staff, made)
    assert "fits" in found["The signature"]
    assert found["Mistakes"] == "None was found."


def test_a_mistake_is_named(staff: Client, made: Any) -> None:
    found = facts(staff, made, body='{"order": "ord_1"}')
    assert "does not fit" in found["The signature"]
    assert "raw bytes" in found["The body was parsed and written again"]


def test_the_time_of_arrival_counts_and_not_that_of_pasting(staff: Client, made: Any) -> None:
    headers = headers_of(made, age_seconds=4000)
    late = facts(staff, made, headers=headers)
    assert "seconds old" in late["The timestamp is too old"]
    at = f"{timezone.now() - timedelta(seconds=3999):%Y-%m-%d %H:%M:%S}"
    assert facts(staff, made, headers=headers, received_at=at)["Mistakes"] == "None was found."


def test_line_ends_that_the_browser_made_are_not_taken_for_a_mistake(staff: Client, made: Any) -> None:
    body = b'{"order":\n"ord_1"}'
    found = facts(staff, made, headers=headers_of(made, body), body=body.decode().replace("\n", "\r\n"))
    assert found["Mistakes"] == "None was found."


def test_a_pasted_secret_is_judged_and_neither_kept_nor_shown(staff: Client, made: Any) -> None:
    secret, events = mint_secret(), Event.objects.count()
    answer = staff.post(url_of(made), {"headers": headers_of(made), "body": BODY.decode(), "receiver_secret": secret})
    page = answer.content.decode()
    assert "The secret belongs to none of the endpoints" in page
    assert secret not in page
    assert made["secret"] not in page
    assert Event.objects.count() == events
    assert Endpoint.objects.get(pk=made["id"]).secrets.count() == 1


def test_what_the_code_computed_is_explained(staff: Client, made: Any) -> None:
    computed = stash_signature(BODY, secret=made["secret"])
    assert "signs" in facts(staff, made, computed=computed)["The wrong content was signed"]


def test_what_was_pasted_is_shown_again_as_text(staff: Client, made: Any) -> None:
    page = staff.post(url_of(made), {"headers": "X-Evil: <script>", "body": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("headers", ["", "nothing that is a header"])
def test_without_headers_it_says_what_is_missing(staff: Client, made: Any, headers: str) -> None:
    answer = staff.post(url_of(made), {"headers": headers, "body": "{}"})
    assert answer.context["form"].errors["headers"]


def test_staff_who_may_not_see_endpoints_may_not_ask(made: Any) -> None:
    assert signed_in().get(url_of(made)).status_code == 403
