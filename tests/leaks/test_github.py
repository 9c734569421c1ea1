"""GitHub's secret scanning: only what it signed is heard, and what it found is ended."""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from core.credentials import KeyKind, mint_key
from core.principals import Environment
from partners.models import ApiKey
from surfaces.leaks.github_keys import key_cache
from tests.factories import make_key
from tests.leaks.credentials import Holder, has_ended, report, reported
from tests.leaks.github import LEAKS, Github, finding, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def github(settings: Settings) -> Iterator[Github]:
    made = Github()
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    key_cache.cache_clear()
    with published(made) as there:
        settings.GITHUB_KEYS_URL = there.url("/meta/public_keys/secret_scanning")
        yield made


def call(github: Github, items: Any, **headers: str) -> Any:
    body = json.dumps(items).encode()
    return post(body, {**github.headers(body), **headers})


def post(body: bytes, headers: dict[str, str], content_type: str = "application/json") -> Any:
    return Client().post(LEAKS, body, content_type=content_type, headers=headers)


def test_genuine_keys_end_and_every_finding_is_labelled(github: Github) -> None:
    issued, junk = make_key(), mint_key(KeyKind.SECRET, Environment.LIVE).plaintext
    answer = call(github, [finding(issued.plaintext), finding(junk), finding("some_token", type="some_type", url=None)])

    assert answer.status_code == 200
    assert [(each["token_type"], each["label"]) for each in answer.json()] == [
        ("sticker_api_key", "true_positive"),
        ("sticker_api_key", "false_positive"),
        ("some_type", "false_positive"),
    ]
    assert answer.json()[0]["token_hash"] == hashlib.sha256(issued.plaintext.encode()).hexdigest()
    assert issued.plaintext not in answer.content.decode()
    assert ApiKey.objects.get(pk=issued.key.pk).revoke_reason == "compromise"
    event = reported().get()
    assert (event.actor_id, event.data["source"]) == ("github", "github")
    assert event.data["url"] == "https://git.example/acme/blob/main/.env"


def test_a_dead_key_is_still_a_true_positive_and_where_it_stands_is_kept(github: Github) -> None:
    issued = make_key()
    report({"credential": issued.plaintext})

    assert call(github, [finding(issued.plaintext)]).json()[0]["label"] == "true_positive"
    assert [event.data["ended"] for event in reported()] == [[issued.key.kid], []]


def test_any_kind_of_credential_ends(github: Github) -> None:
    holder = Holder()
    tokens = [holder[kind] for kind in ("client", "session_token", "refresh")]

    answer = call(github, [finding(token) for token in tokens])

    assert {each["label"] for each in answer.json()} == {"true_positive"}
    assert all(has_ended(holder, token) for token in tokens)


def test_a_thousand_findings_are_answered_in_time(github: Github) -> None:
    keys = [make_key().plaintext for _ in range(3)]
    minted = [mint_key(KeyKind.SECRET, Environment.LIVE).plaintext for _ in range(997)]
    began = time.monotonic()

    answer = call(github, [finding(token) for token in (*minted, *keys)])

    assert time.monotonic() - began < 25
    assert [each["label"] for each in answer.json()] == ["false_positive"] * 997 + ["true_positive"] * 3


@pytest.mark.parametrize(
    "items",
    [
        [finding("x")] * 1001,
        ["x"],
        [{"token": "x"}],
        [{"type": "x"}],
        [{"token": 1, "type": "x"}],
        [{"token": "x" * 8193, "type": "x"}],
        [{"token": "x", "type": "x", "url": {}}],
        {"token": "x", "type": "x"},
        "x",
    ],
)
def test_a_malformed_list_is_refused_whole(github: Github, items: Any) -> None:
    answer = call(github, items)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_bodies_too_large_or_of_another_kind_are_refused(github: Github) -> None:
    large = b"[" + b" " * (1024 * 1024) + b"]"
    assert post(large, github.headers(large)).status_code == 413
    assert post(b"[]", github.headers(b"[]"), "text/plain").status_code == 415


def test_what_github_did_not_sign_is_refused_and_ends_nothing(github: Github) -> None:
    issued = make_key()
    body = json.dumps([finding(issued.plaintext)]).encode()
    good, stranger = github.headers(body), Github("b" * 64)
    wrong: list[dict[str, str]] = [
        {},
        {**good, "Github-Public-Key-Identifier": ""},
        {**good, "Github-Public-Key-Signature": ""},
        {**good, "Github-Public-Key-Signature": github.signature(body + b" ")},
        {**good, "Github-Public-Key-Signature": Github().signature(body)},
        {**good, "Github-Public-Key-Signature": "not base64"},
        {**good, "Github-Public-Key-Signature": "AAAA"},
        {**good, "Github-Public-Key-Signature": good["Github-Public-Key-Signature"] + "A" * 300},
        stranger.headers(body),
    ]
    for headers in wrong:
        answer = post(body, headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")
    assert post(b" " + body, good).status_code == 401
    assert ApiKey.objects.get(pk=issued.key.pk).revoked_at is None
    assert post(body, good).status_code == 200


def test_unsigned_calls_of_one_address_are_limited_and_signed_ones_are_not(github: Github, settings: Settings) -> None:
    settings.LEAK_REPORTS_PER_MINUTE = 2
    assert [post(b"[]", {}).status_code for _ in range(3)] == [401, 401, 429]
    assert call(github, []).status_code == 200


def test_while_its_keys_cannot_be_had_github_is_asked_to_come_again(settings: Settings) -> None:
    settings.GITHUB_KEYS_URL = "https://127.0.0.1/keys"
    key_cache.cache_clear()
    answer = call(Github(), [])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


def test_the_door_can_be_closed(settings: Settings) -> None:
    settings.GITHUB_KEYS_URL = ""
    assert call(Github(), []).status_code == 404


def test_the_vector_of_githubs_documents_verifies(settings: Settings) -> None:
    """The sample message, signature and test key that the protocol's description gives."""
    sample = Github("f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d")
    sample.entry = lambda: {  # type: ignore[method-assign]
        "key_identifier": sample.identifier,
        "key": (
            "-----BEGIN PUBLIC KEY-----\n"
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\n"
            "HzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\n"
            "-----END PUBLIC KEY-----"
        ),
    }
    settings.EGRESS_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with published(sample) as there:
        settings.GITHUB_KEYS_URL = there.url()
        answer = post(
            b'[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]',
            {
                "Github-Public-Key-Identifier": sample.identifier,
                "Github-Public-Key-Signature": (
                    "MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY="
                ),
            },
        )
    assert (answer.status_code, answer.json()[0]["label"]) == (200, "false_positive")
