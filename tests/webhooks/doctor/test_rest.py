"""The signature doctor's REST door: what we know of an endpoint goes into the diagnosis, and no secret comes out."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.principals import Environment
from tests.webhooks.conftest import Backend, make_backend
from webhooks.diagnosis_views import DIAGNOSES_PER_MINUTE
from webhooks.formats import SignatureFormat
from webhooks.models import Endpoint, EndpointSecret, MessageBody, SecretState
from webhooks.signing import Secrets, mint_secret, sign, stash_signature


@pytest.fixture
def endpoint(backend: Backend) -> Any:
    """A new endpoint: its facts, with the secret."""
    return backend.add_endpoint()


def ask(backend: Backend, endpoint_id: str, **body: Any) -> Any:
    return backend.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/diagnose", body)


def ping(endpoint_id: str) -> tuple[str, bytes]:
    """The id and the bytes of the ping that was queued for an endpoint."""
    body = MessageBody.objects.select_related("message").get(message__deliveries__endpoint_id=endpoint_id)
    return body.message.message_id, bytes(body.body)


def signed(secret: str, message_id: str, body: bytes, signature_format: SignatureFormat = SignatureFormat.STANDARD) -> Any:
    now = int(timezone.now().timestamp())
    return sign(body, message_id=message_id, timestamp=now, secrets=Secrets(secret), signature_format=signature_format)


def mistakes(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["mistake"] for each in answer.json()["findings"]]


def test_a_delivery_as_it_was_sent_is_well(backend: Backend, endpoint: Any) -> None:
    message_id, body = ping(endpoint["id"])
    answer = ask(backend, endpoint["id"], headers=signed(endpoint["secret"], message_id, body), body=body.decode())
    assert answer.json() == {"success": True, "fits": True, "findings": []}


def test_a_body_is_compared_with_what_was_sent(backend: Backend, endpoint: Any) -> None:
    message_id, body = ping(endpoint["id"])
    headers = signed(endpoint["secret"], message_id, body)
    answer = ask(backend, endpoint["id"], headers=headers, body=body.decode().replace("endpoint.verify", "endpoint.Verify"))
    assert mistakes(answer) == ["altered"]
    assert "from byte" in answer.json()["findings"][0]["text"]


def test_what_was_sent_to_somebody_else_is_not_compared_with(backend: Backend, endpoint: Any) -> None:
    stranger = make_backend()
    theirs = stranger.add_endpoint()
    message_id, body = ping(theirs["id"])
    answer = ask(backend, endpoint["id"], headers=signed(theirs["secret"], message_id, body), body=body.decode() + "x")
    assert mistakes(answer) == ["altered"]
    assert "from byte" not in answer.json()["findings"][0]["text"]


def test_white_space_of_a_body_is_kept_and_bytes_may_be_sent(backend: Backend, endpoint: Any) -> None:
    message_id, body = ping(endpoint["id"])
    headers = signed(endpoint["secret"], message_id, body)
    assert mistakes(ask(backend, endpoint["id"], headers=headers, body=body.decode() + "\n")) == ["body_whitespace"]
    marked = base64.b64encode(b"\xef\xbb\xbf" + body).decode()
    assert mistakes(ask(backend, endpoint["id"], headers=headers, body_base64=marked)) == ["body_byte_order_mark"]


def test_the_secret_of_another_endpoint_of_the_partner_is_known(backend: Backend, endpoint: Any) -> None:
    other = backend.add_endpoint(url="https://receiver.example/other")
    headers = signed(other["secret"], "msg_1", b"{}")
    answer = ask(backend, endpoint["id"], headers=headers, body="{}")
    assert mistakes(answer) == ["secret_of_other_endpoint"]
    assert "https://receiver.example/other" in answer.json()["findings"][0]["text"]


@pytest.mark.parametrize("of", ["another partner", "the other environment"])
def test_secrets_of_others_are_not_tried(backend: Backend, endpoint: Any, of: str) -> None:
    stranger = (
        make_backend() if of == "another partner" else make_backend(partner=backend.partner, environment=Environment.LIVE)
    )
    headers = signed(stranger.add_endpoint()["secret"], "msg_1", b"{}")
    assert mistakes(ask(backend, endpoint["id"], headers=headers, body="{}")) == ["altered"]


def test_an_endpoint_of_another_partner_is_not_found(backend: Backend) -> None:
    theirs = make_backend().add_endpoint()
    assert ask(backend, theirs["id"], headers={}, body="{}").status_code == 404


def test_a_staged_and_an_expired_secret_are_told_apart(backend: Backend) -> None:
    made = backend.add_endpoint(signature_format="stash")
    row = Endpoint.objects.get(pk=made["id"])
    staged = backend.call("POST", f"/v1/webhook-endpoints/{made['id']}/rotate-secret", {"overlap_seconds": 3600}).json()
    headers = {"stash-webhook-signature": stash_signature(b"{}", secret=staged["secret"])}
    assert mistakes(ask(backend, made["id"], headers=headers, body="{}")) == ["secret_not_yet"]
    row.secrets.filter(state=SecretState.CURRENT).update(
        state=SecretState.PREVIOUS, expires_at=timezone.now() - timedelta(seconds=1)
    )
    EndpointSecret.objects.filter(endpoint=row, state=SecretState.PENDING).update(state=SecretState.CURRENT)
    headers = {"stash-webhook-signature": stash_signature(b"{}", secret=made["secret"])}
    assert mistakes(ask(backend, made["id"], headers=headers, body="{}")) == ["secret_old"]


def test_the_format_may_be_said_and_the_time_of_arrival_too(backend: Backend, endpoint: Any) -> None:
    message_id, body = ping(endpoint["id"])
    headers = signed(endpoint["secret"], message_id, body, SignatureFormat.STICKER)
    answer = ask(backend, endpoint["id"], headers=headers, body=body.decode(), signature_format="sticker")
    assert answer.json()["fits"]
    late = (timezone.now() + timedelta(hours=1)).isoformat()
    answer = ask(backend, endpoint["id"], headers=headers, body=body.decode(), received_at=late)
    assert (answer.json()["fits"], mistakes(answer)) == (True, ["timestamp_stale"])


def test_what_the_receivers_code_computed_is_explained(backend: Backend, endpoint: Any) -> None:
    message_id, body = ping(endpoint["id"])
    headers = signed(endpoint["secret"], message_id, body)
    computed = stash_signature(body, secret=endpoint["secret"])
    answer = ask(backend, endpoint["id"], headers=headers, body=body.decode(), computed=computed)
    assert (answer.json()["fits"], len(answer.json()["findings"])) == (True, 2)
    assert set(mistakes(answer)) == {"key_rule", "signed_content"}


def test_a_secret_that_does_not_open_is_left_out(backend: Backend, endpoint: Any) -> None:
    message_id, body = ping(endpoint["id"])
    EndpointSecret.objects.update(sealed=b"\x01" + b"\x00" * 60)
    answer = ask(backend, endpoint["id"], headers=signed(endpoint["secret"], message_id, body), body=body.decode())
    assert mistakes(answer) == ["secret_unknown"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"body": "{}"}, "headers"),
    ({"headers": "webhook-id: 1", "body": "{}"}, "headers"),
    ({"headers": {"webhook-id": 1}, "body": "{}"}, "headers.webhook-id"),
    ({"headers": {}}, "body"),
    ({"headers": {}, "body": "{}", "body_base64": "e30="}, "body"),
    ({"headers": {}, "body_base64": "é"}, "body_base64"),
    ({"headers": {}, "body": "{}", "signature_format": "other"}, "signature_format"),
    ({"headers": {}, "body": "{}", "received_at": "yesterday"}, "received_at"),
]


@pytest.mark.parametrize(("body", "field"), BAD)
def test_a_wrong_request_is_told_where(backend: Backend, endpoint: Any, body: dict[str, Any], field: str) -> None:
    answer = ask(backend, endpoint["id"], **body)
    assert (answer.status_code, [each["field"] for each in answer.json()["details"]]) == (400, [field])


def test_a_key_without_the_scope_is_refused(backend: Backend, endpoint: Any) -> None:
    narrow = make_backend(partner=backend.partner, scopes=())
    assert ask(narrow, endpoint["id"], headers={}, body="{}").status_code == 403


def test_diagnoses_are_limited(backend: Backend, endpoint: Any) -> None:
    statuses = (ask(backend, endpoint["id"], headers={}, body="{}").status_code for _ in range(4 * DIAGNOSES_PER_MINUTE))
    assert next(statuses) == 200
    assert 429 in statuses


def test_the_answer_holds_no_secret_and_no_signature(backend: Backend, endpoint: Any) -> None:
    headers = signed(endpoint["secret"], "msg_1", b"{}")
    said = ask(backend, endpoint["id"], headers=headers, body="[]", computed=mint_secret()).content.decode()
    assert endpoint["secret"][6:] not in said
    assert headers["webhook-signature"].removeprefix("v1,") not in said
