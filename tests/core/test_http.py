"""What a request carries: its id, its caller, its one credential, and secrets where none may stand."""

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from core.credentials import KeyKind, mint_key, mint_session_token
from core.errors import InvalidApiKeyError, MultipleCredentialsError, StickerError, UnauthorizedError
from core.http import (
    STRAY_CREDENTIAL,
    context_of,
    one_credential,
    request_id,
    secrets_in_form,
    secrets_in_query,
    without_charset,
)
from core.principals import Environment

KEY = mint_key(KeyKind.SECRET, Environment.TEST).plaintext
TOKEN = mint_session_token()


def request(query: str = "", **headers: str) -> HttpRequest:
    return RequestFactory().get("/v1/whoami", QUERY_STRING=query, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {KEY}"},
        {"Authorization": f"BEARER   {KEY} "},
        {"Authorization": f"ApiKey {KEY}"},
        {"Authorization": f"apikey {KEY}"},
        {"X-API-Key": KEY},
        {"x-api-key": KEY},
        {"X-Stash-Api-Key": KEY},
        {"ApiKey": KEY},
        {"APIKEY": f" {KEY} "},
        {"ApiKey": KEY, "X-API-Key": ""},
    ],
)
def test_every_documented_header_form_carries_the_credential(headers: dict[str, str]) -> None:
    assert one_credential(request(**headers)) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}", "X-API-Key": KEY},
        {"Authorization": f"Bearer {KEY}", "ApiKey": "other"},
        {"X-API-Key": KEY, "X-Stash-Api-Key": KEY},
        {"X-API-Key": f"{KEY},{KEY}"},
        {"X-API-Key": f"{KEY}, other"},
        {"Authorization": f"Bearer {KEY}, Bearer {KEY}"},
        {"Authorization": f"Basic abc, Bearer {KEY}"},
        {"X-API-Key": f"{KEY} {KEY}"},
    ],
)
def test_more_than_one_credential_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(MultipleCredentialsError):
        one_credential(request(**headers))


def test_a_second_spelling_noticed_by_the_server_counts_as_a_second_credential() -> None:
    doubled = request(**{"X-API-Key": KEY})
    doubled.META[STRAY_CREDENTIAL] = True
    with pytest.raises(MultipleCredentialsError):
        one_credential(doubled)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"Authorization": KEY},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer:{KEY}"},
        {"Cookie": f"api_key={KEY}"},
        {"X-Api": KEY},
    ],
)
def test_without_a_credential_in_a_known_form_the_caller_is_told_to_send_one(headers: dict[str, str]) -> None:
    with pytest.raises(UnauthorizedError) as refusal:
        one_credential(request(**headers))
    assert refusal.value.slug == "UNAUTHORIZED"


@pytest.mark.parametrize("text", ["a" * 513, "caf\xe9", "\ufffd", "sk_test_\x7f", "sk_test_\tx", "\u202esk"])
def test_what_cannot_be_a_credential_is_refused_unread(text: str) -> None:
    with pytest.raises(InvalidApiKeyError):
        one_credential(request(**{"X-API-Key": text}))


def test_the_longest_credential_allowed_is_read() -> None:
    assert len(one_credential(request(**{"X-API-Key": "a" * 512}))) == 512


@given(st.text(st.characters(codec="latin-1"), max_size=60), st.sampled_from(["Authorization", "X-API-Key", "ApiKey"]))
def test_any_header_value_is_a_plain_credential_or_a_refusal(value: str, name: str) -> None:
    try:
        credential = one_credential(request(**{name: value}))
    except StickerError as refusal:
        credential = "refused" if refusal.status in (400, 401) else ""
    assert credential.isascii()
    assert credential.isprintable()
    assert credential


@pytest.mark.parametrize(
    "query",
    [
        f"key={KEY}",
        f"a=1&api_key={KEY}&b=2",
        KEY,
        f"{KEY}=1",
        f"a=x{KEY}y",
        f"key={KEY.replace('_', '%5F')}",
        f"key=%20{KEY}+",
        f"a=1;key={KEY}",
        "key=ak_live_0123456789abcdef0123456789abcdef",
        f"session_key={TOKEN}",
        TOKEN,
        "&" * 2000 + f"key={KEY}",
    ],
)
def test_a_secret_in_the_query_is_found_however_it_is_written(query: str) -> None:
    assert secrets_in_query(request(query))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("application/json", "application/json"),
        ("application/json; charset=utf-16", "application/json"),
        ("application/json;CharSet=hex; a=b", "application/json; a=b"),
        ("application/json; charset*=utf-8''idna", "application/json"),
        ("multipart/form-data; boundary=charset; charset=hex", "multipart/form-data; boundary=charset"),
        ("", ""),
    ],
)
def test_the_charset_a_caller_names_is_not_handed_on(said: str, kept: str) -> None:
    assert without_charset(said) == kept


def test_an_endless_content_type_is_cut() -> None:
    assert len(without_charset("application/json;" + "a" * 20_000)) == 256


@pytest.mark.parametrize("query", ["", "a=1&b=2", "kid=0123456789ab", "x=sk_test_short", f"x={TOKEN[:63]}", "%zz=%", "é=ü"])
def test_an_innocent_query_is_left_alone(query: str) -> None:
    assert secrets_in_query(request(query)) == []


def test_a_key_in_a_form_is_found_and_in_json_is_none_of_its_business() -> None:
    form = RequestFactory().post("/v1/x", {"api_key": KEY})
    body = RequestFactory().post("/v1/x", {"api_key": KEY}, content_type="application/json")
    assert secrets_in_form(form) == [KEY]
    assert secrets_in_form(body) == []


def test_a_well_formed_request_id_is_kept() -> None:
    assert request_id(request(**{"X-Request-ID": "abc-123_x.Y"})) == "abc-123_x.Y"


@pytest.mark.parametrize("given_id", ["", "short", "a" * 65, "with space", "new\nline", "caf\xe9-abcdef", "<script>abc"])
def test_any_other_request_id_is_replaced_by_one_that_stays(given_id: str) -> None:
    answered = request(**{"X-Request-ID": given_id})
    made = request_id(answered)
    assert made != given_id
    assert len(made) == 32
    assert request_id(answered) == made


def test_the_context_tells_where_a_request_came_from(settings: Settings) -> None:
    settings.TRUSTED_PROXY_HOPS = 1
    context = context_of(request(**{"X-Forwarded-For": "203.0.113.9", "User-Agent": "a" * 300}))
    assert context.address == "203.0.113.9"
    assert len(context.user_agent) == 256
