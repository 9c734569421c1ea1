"""Receivers as partners write them accept whatever we may send, byte for byte, and nothing that was tampered with."""

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from tests.webhooks.payloads import PAYLOADS
from tests.webhooks.receivers.conftest import Receiver, StartReceiver
from tests.webhooks.receivers.deliveries import Sent, delivery
from webhooks.formats import SignatureFormat
from webhooks.signing import Secrets, mint_secret, standard_signature

SECRET: Final = mint_secret()
KINDS: Final = [(language, each) for language in ("python", "node") for each in SignatureFormat]
SIGNATURE_HEADERS: Final = {
    SignatureFormat.STANDARD: "webhook-signature",
    SignatureFormat.STASH: "stash-webhook-signature",
    SignatureFormat.STICKER: "X-Sticker-Signature",
}
THOROUGH: Final = settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
Kind = tuple[Receiver, SignatureFormat]


@pytest.fixture(scope="module")
def receivers(start_receiver: StartReceiver) -> dict[str, Kind]:
    """A receiver of each language and format."""
    return {
        f"{language}-{each}": (start_receiver(language, secret=SECRET, signature_format=each), each) for language, each in KINDS
    }


@pytest.fixture(params=[f"{language}-{each}" for language, each in KINDS])
def kind(request: pytest.FixtureRequest, receivers: dict[str, Kind]) -> Kind:
    """One of them."""
    return receivers[request.param]


def signed(data: dict[str, Any], signature_format: SignatureFormat, *, secret: str = SECRET) -> Sent:
    return delivery(data, secrets=Secrets(secret), signature_format=signature_format, sequence=1)


def with_byte(body: bytes, place: int, byte: int) -> bytes:
    """The body with one byte replaced."""
    place %= len(body)
    return body[:place] + bytes([byte]) + body[place + 1 :]


def says_the_same(one: bytes, other: bytes) -> bool:
    """Whether two bodies are the same JSON, which a receiver that parses first cannot tell apart."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


@THOROUGH
@given(data=PAYLOADS, place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_whatever_we_send_is_accepted_and_any_changed_byte_refused(
    receivers: dict[str, Kind], data: dict[str, Any], place: int, byte: int
) -> None:
    for name, (receiver, signature_format) in receivers.items():
        sent = signed(data, signature_format)
        assert receiver.line.post(sent).status == 200, name
        tampered = with_byte(sent.body, place, byte)
        if not says_the_same(tampered, sent.body):
            assert receiver.line.post(sent, body=tampered).status in (400, 401), name


@settings(THOROUGH, max_examples=100)
@given(data=PAYLOADS, place=st.integers(0, 43), letter=st.sampled_from("ABCDEFGHabcdefgh0123"))
def test_any_changed_letter_of_a_signature_is_refused(kind: Kind, data: dict[str, Any], place: int, letter: str) -> None:
    receiver, signature_format = kind
    sent, name = signed(data, signature_format), SIGNATURE_HEADERS[signature_format]
    right = sent.headers[name]
    start = len(right) - 44
    # The last letter of base64 before '=' has bits that mean nothing: a lenient decoder does not look at them.
    at = start + min(place, 41)
    wrong = right[:at] + letter + right[at + 1 :]
    answer = receiver.line.post(replace(sent, headers={**sent.headers, name: wrong}))
    assert (answer.status == 200) is (wrong == right)


@pytest.mark.parametrize("data", [{}, {"order": "ord_1", "note": "café"}])
def test_the_signature_of_another_secret_or_none_at_all_is_refused(kind: Kind, data: dict[str, Any]) -> None:
    receiver, signature_format = kind
    sent = signed(data, signature_format, secret=mint_secret())
    assert receiver.line.post(sent).status in (400, 401)
    name = SIGNATURE_HEADERS[signature_format]
    assert receiver.line.post(signed(data, signature_format), **{name.replace("-", "_"): None}).status in (400, 401)


def test_while_a_secret_rotates_receivers_of_either_secret_accept(
    kind: Kind,
) -> None:
    receiver, signature_format = kind
    new, data = mint_secret(), {"order": "ord_1"}
    staged = delivery(data, secrets=Secrets(SECRET, (new,)), signature_format=signature_format)
    assert receiver.line.post(staged).status == 200
    promoted = delivery(data, secrets=Secrets(new, (SECRET,)), signature_format=signature_format)
    assert (receiver.line.post(promoted).status == 200) is (signature_format is SignatureFormat.STANDARD)


@pytest.mark.parametrize("age", [-400, 400])
def test_the_official_libraries_refuse_another_time(receivers: dict[str, Kind], age: int) -> None:
    late = delivery({"a": 1}, secrets=Secrets(SECRET), timestamp=int(time.time()) - age)
    for language in ("python", "node"):
        assert receivers[f"{language}-standard"][0].line.post(late).status in (400, 401)


@given(PAYLOADS, st.binary(min_size=24, max_size=64), st.integers(1, 2**31))
def test_the_official_library_signs_as_we_do(data: dict[str, Any], key: bytes, timestamp: int) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    body = delivery(data, secrets=Secrets(secret)).body
    theirs = Webhook(secret).sign("msg_1", datetime.fromtimestamp(timestamp, UTC), body.decode())
    assert theirs == "v1," + standard_signature(body, message_id="msg_1", timestamp=timestamp, secret=secret)
