"""Headers as people paste them."""

import json

import pytest

from webhooks.doctor import guess_format, parse_headers
from webhooks.formats import SignatureFormat

EXPECTED = {"webhook-id": "msg_1", "webhook-signature": "v1,AA= v1,BB=", "content-type": "application/json"}
PASTED = {
    "plain": "Webhook-Id: msg_1\nWebhook-Signature: v1,AA= v1,BB=\r\nContent-Type: application/json\n",
    "curl -v": "> POST / HTTP/1.1\n> webhook-id: msg_1\n> webhook-signature: v1,AA= v1,BB=\n> content-type: application/json",
    "curl -H": "-H 'webhook-id: msg_1' \\\n  -H 'webhook-signature: v1,AA= v1,BB=' \\\n -H 'Content-Type: application/json'",
    "JavaScript": "'webhook-id': 'msg_1',\n'webhook-signature': 'v1,AA= v1,BB=',\n\"content-type\": \"application/json\",",
    "JSON": json.dumps(EXPECTED),
    "JSON with lists": json.dumps({name: [value] for name, value in EXPECTED.items()}),
}


@pytest.mark.parametrize("style", PASTED)
def test_headers_are_read_in_every_usual_form(style: str) -> None:
    assert parse_headers(PASTED[style]) == EXPECTED


@pytest.mark.parametrize("text", ["", "nonsense", "{", "[]", "12", ": x", "\x00"])
def test_what_are_no_headers_gives_none(text: str) -> None:
    assert parse_headers(text) == {}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"webhook-signature", "stash-webhook-signature"}, SignatureFormat.STANDARD),
        ({"stash-webhook-signature"}, SignatureFormat.STASH),
        ({"stash-hmac-signature"}, SignatureFormat.STASH),
        ({"x-sticker-signature"}, SignatureFormat.STICKER),
        (set(), SignatureFormat.STANDARD),
    ],
)
def test_the_format_is_guessed_by_the_signature_there_is(names: set[str], expected: SignatureFormat) -> None:
    assert guess_format(dict.fromkeys(names, "x")) is expected
