"""Signatures of deliveries: the published vectors, the families' headers, rotation."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.vectors import VECTORS, Vector
from webhooks.formats import SignatureFormat
from webhooks.signing import (
    SECRET_BYTES,
    Notice,
    Secrets,
    WebhookSecretError,
    delivery_headers,
    mint_secret,
    secret_bytes,
    sign,
    standard_signature,
    stash_signature,
    sticker_signature,
)

BODY = b'{"type":"cart.updated","data":{}}'
NOW = 1_785_585_600
STANDARD_NAMES = {"webhook-id", "webhook-timestamp", "webhook-signature"}
PUBLIC = [each for each in VECTORS if each.is_valid and each.source != "this service"]


def signed(keys: Secrets, signature_format: SignatureFormat = SignatureFormat.STANDARD, body: bytes = BODY) -> dict[str, str]:
    return sign(body, message_id="msg_1", timestamp=NOW, secrets=keys, signature_format=signature_format)


@pytest.mark.parametrize("vector", [each for each in VECTORS if each.is_valid], ids=str)
def test_our_signature_is_the_published_one(vector: Vector) -> None:
    body = vector.body.encode()
    if vector.format == SignatureFormat.STANDARD:
        message_id, timestamp = vector.headers["webhook-id"], vector.headers["webhook-timestamp"]
        ours = "v1," + standard_signature(body, message_id=message_id, timestamp=timestamp, secret=vector.secret)
        assert ours in vector.headers["webhook-signature"].split()
    elif vector.format == SignatureFormat.STASH:
        assert [stash_signature(body, secret=vector.secret)] == list(vector.headers.values())
    else:
        assert [sticker_signature(body, secret=vector.secret)] == list(vector.headers.values())


def test_vectors_of_every_public_source_are_there() -> None:
    assert {each.source for each in PUBLIC} == {
        "Standard Webhooks libraries",
        "Svix worker",
        "GitHub: validating webhook deliveries",
        "RFC 4231",
    }


def test_the_published_ed25519_signature_is_over_the_content_that_we_sign() -> None:
    vector = next(each for each in VECTORS if each.name == "an Ed25519 signature before the right one")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode("1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="))
    signature = vector.headers["webhook-signature"].split()[0].removeprefix("v1a,")
    content = f"{vector.headers['webhook-id']}.{vector.headers['webhook-timestamp']}.{vector.body}"
    key.verify(base64.b64decode(signature), content.encode())


def test_a_minted_secret_is_the_prefix_and_32_random_bytes() -> None:
    secret = mint_secret()
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    assert len(secret_bytes(secret)) == SECRET_BYTES
    assert secret != mint_secret()


@pytest.mark.parametrize(
    "text", ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr", "whsec_Zm9v", "Zm8="]
)
def test_a_secret_is_read_without_its_padding(text: str) -> None:
    assert secret_bytes(text)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_====", "whsec_a", "whsec_no spaces", "whsec_é", "whsec_ab-_"])
def test_what_is_no_secret_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(WebhookSecretError) as refusal:
        secret_bytes(text)
    assert text.removeprefix("whsec_") == "" or text not in str(refusal.value)


def test_a_standard_delivery_has_the_standard_headers_and_no_others() -> None:
    assert set(signed(Secrets(mint_secret()))) == STANDARD_NAMES


def test_during_a_rotation_each_valid_secret_signs_the_current_one_first() -> None:
    keys = Secrets(mint_secret(), (mint_secret(), mint_secret()))
    headers = signed(keys)
    alone = [signed(Secrets(each))["webhook-signature"] for each in (keys.current, *keys.others)]
    assert headers["webhook-signature"] == " ".join(alone)


@pytest.mark.parametrize("signature_format", [SignatureFormat.STASH, SignatureFormat.STICKER])
def test_a_single_signature_family_signs_with_the_secret_in_force_alone(signature_format: SignatureFormat) -> None:
    keys = Secrets(mint_secret(), (mint_secret(),))
    alone, rotating = signed(Secrets(keys.current), signature_format), signed(keys, signature_format)
    family = set(rotating) - STANDARD_NAMES
    assert {name: rotating[name] for name in family} == {name: alone[name] for name in family}
    assert len(rotating["webhook-signature"].split()) == 2


def test_both_stash_headers_hold_the_same_44_characters() -> None:
    headers = signed(Secrets(mint_secret()), SignatureFormat.STASH)
    assert headers["stash-webhook-signature"] == headers["Stash-Hmac-Signature"]
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}=", headers["stash-webhook-signature"])


def test_a_sticker_signature_is_lower_case_hex() -> None:
    assert re.fullmatch(r"sha256=[0-9a-f]{64}", signed(Secrets(mint_secret()), SignatureFormat.STICKER)["X-Sticker-Signature"])


@pytest.mark.parametrize("message_id", ["", "msg.1", "msg 1", "msg_1\n", "é", "x" * 129])
def test_a_message_id_that_would_make_the_content_ambiguous_is_refused(message_id: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        sign(BODY, message_id=message_id, timestamp=NOW, secrets=Secrets(mint_secret()), signature_format=SignatureFormat.STASH)


def test_headers_say_which_attempt_and_which_place_in_the_order() -> None:
    notice = Notice("msg_1", NOW, "cart.updated", attempt=3, sequence=12, is_replay=True)
    headers = delivery_headers(BODY, notice=notice, keys=Secrets(mint_secret()), signature_format=SignatureFormat.STANDARD)
    assert {name: value for name, value in headers.items() if name not in STANDARD_NAMES} == {
        "webhook-attempt": "3",
        "webhook-event-type": "cart.updated",
        "webhook-seq": "12",
        "webhook-replay": "1",
    }


def test_a_ping_outside_the_order_has_no_place_in_it_and_a_first_send_is_no_replay() -> None:
    notice = Notice("msg_1", NOW, "endpoint.verify")
    headers = delivery_headers(BODY, notice=notice, keys=Secrets(mint_secret()), signature_format=SignatureFormat.STANDARD)
    assert not {"webhook-seq", "webhook-replay"} & set(headers)


def test_each_family_has_its_own_additions() -> None:
    notice, keys = Notice("msg_1", NOW, "cart.updated", attempt=2), Secrets(mint_secret())
    stash = delivery_headers(BODY, notice=notice, keys=keys, signature_format=SignatureFormat.STASH)
    sticker = delivery_headers(BODY, notice=notice, keys=keys, signature_format=SignatureFormat.STICKER)
    assert stash["stash-retry-count"] == "1"
    assert (sticker["X-Sticker-Event"], sticker["X-Sticker-Delivery-ID"]) == ("cart.updated", "msg_1")
    assert sticker["X-Sticker-Timestamp"] == sticker["webhook-timestamp"] == str(NOW)
    assert not {name for name in stash if "sticker" in name.lower()} | {name for name in sticker if "stash" in name.lower()}


def test_secrets_do_not_show_in_a_representation() -> None:
    keys = Secrets(mint_secret(), (mint_secret(),))
    assert "whsec_" not in repr(keys)


@given(st.binary(max_size=300), st.integers(1, 2**31))
def test_every_header_value_is_plain_printable_ascii(body: bytes, timestamp: int) -> None:
    notice, keys = Notice("msg_1", timestamp, "cart.updated", sequence=1), Secrets("whsec_Zm9vYmFy")
    for signature_format in SignatureFormat:
        headers = delivery_headers(body, notice=notice, keys=keys, signature_format=signature_format)
        assert all(value.isascii() and value.isprintable() and value.strip() == value for value in headers.values())
