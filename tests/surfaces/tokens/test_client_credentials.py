"""Client credentials as RFC 6749 has them: by form and JSON, by header and body, and its own words for every refusal."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from audit.models import Event
from core.keyring import pepper_ring
from core.principals import Environment
from partners.scopes import Scope
from partners.services.partners import suspend_partner
from surfaces.client_secrets import new_secret
from surfaces.models import ClientSecret
from surfaces.services import accounts, clients
from tests.core.test_keyring_file import entry
from tests.factories import ALICE
from tests.surfaces.tokens.parties import (
    RESELLER_ACCOUNT,
    RESELLER_TOKEN,
    Program,
    basic,
    get,
    make_entitled,
    make_program,
    post_form,
    post_json,
)

pytestmark = pytest.mark.django_db
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def program() -> Program:
    return make_program()


def in_body(program: Program, **changes: str) -> dict[str, str]:
    return {**GRANT, "client_id": program.client.client_id, "client_secret": program.secret, **changes}


def error(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert {"error", "error_description", "code", "name", "request_id"} <= set(body)
    return answer.status_code, body["error"]


def ways(program: Program) -> list[Any]:
    """Every way a client may send what it has."""
    header, body = basic(program.client.client_id, program.secret), in_body(program)
    return [
        post_form(RESELLER_TOKEN, body),
        post_json(RESELLER_TOKEN, body),
        post_form(RESELLER_TOKEN, GRANT, headers=header),
        post_form(RESELLER_TOKEN, {**GRANT, "client_id": program.client.client_id}, headers=header),
        post_json(RESELLER_TOKEN, GRANT, headers=header),
        post_json(RESELLER_TOKEN, {"client_id": body["client_id"], "client_secret": body["client_secret"]}),
        post_form(RESELLER_TOKEN, b"", headers=header),
    ]


def test_every_way_of_asking_is_answered_as_the_standard_has_it(program: Program) -> None:
    for answer in ways(program):
        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "orders:create orders:read")
        assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
        assert get(RESELLER_ACCOUNT, body["access_token"]).status_code == 200


def test_a_token_says_whose_it_is(program: Program) -> None:
    assert get(RESELLER_ACCOUNT, program.token()).json()["data"]["subject"] == str(program.client.pk)


def test_each_token_is_an_act_in_the_ledger(program: Program) -> None:
    program.token()
    event = Event.objects.get(type="token.issued")
    assert (event.subject_type, event.subject_id) == ("client", program.client.client_id)


@pytest.mark.parametrize(
    ("asked", "granted"), [("orders:read", "orders:read"), ("orders:read orders:create", "orders:create orders:read")]
)
def test_fewer_scopes_may_be_asked_for(program: Program, asked: str, granted: str) -> None:
    assert program.ask(scope=asked).json()["scope"] == granted


@pytest.mark.parametrize("scope", ["products:read", "orders:read nonsense", "orders:read  orders:create", " ", 'a"b', "ö"])
def test_a_scope_that_cannot_be_had_is_refused(program: Program, scope: str) -> None:
    assert error(program.ask(scope=scope)) == (400, "invalid_scope")


def test_wrong_credentials_are_refused_alike_with_a_challenge(program: Program) -> None:
    other = new_secret(Environment.TEST)
    answers = [
        program.ask(secret=other),
        program.ask(secret="nonsense"),
        program.ask(secret=program.secret[:-1] + ("A" if program.secret[-1] != "A" else "B")),
        program.ask(client_id="rc_test_0000000000000000"),
        program.ask(client_id="nobody"),
        post_form(RESELLER_TOKEN, GRANT, headers=basic(program.client.client_id, other)),
        post_form(RESELLER_TOKEN, GRANT, headers=basic("nobody", "nothing")),
    ]
    told = [{**answer.json(), "request_id": ""} for answer in answers]
    assert all(each == told[0] for each in told)
    assert {answer.status_code for answer in answers} == {401}
    assert told[0]["error"] == "invalid_client"
    assert all(answer.headers["WWW-Authenticate"].startswith('Basic realm="sticker"') for answer in answers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic bm9jb2xvbg=="},
        {"Authorization": "Bearer abc"},
        {"Authorization": "Basic //79"},
        {},
    ],
)
def test_a_request_without_credentials_that_can_be_read_is_refused(headers: dict[str, str]) -> None:
    assert error(post_form(RESELLER_TOKEN, GRANT, headers=headers)) == (401, "invalid_client")


def test_credentials_in_two_places_are_refused(program: Program) -> None:
    header = basic(program.client.client_id, program.secret)
    assert error(post_form(RESELLER_TOKEN, in_body(program), headers=header)) == (400, "invalid_request")
    assert error(post_form(RESELLER_TOKEN, GRANT, headers={**header, "ApiKey": "x"})) == (400, "invalid_request")


def test_a_client_id_beside_the_header_must_be_the_same(program: Program) -> None:
    answer = post_form(RESELLER_TOKEN, {**GRANT, "client_id": "other"}, headers=basic(program.client.client_id, program.secret))
    assert error(answer) == (401, "invalid_client")


@pytest.mark.parametrize("grant_type", ["password", "authorization_code", "refresh_token", "CLIENT_CREDENTIALS"])
def test_another_grant_type_is_not_supported(program: Program, grant_type: str) -> None:
    assert error(program.ask(grant_type=grant_type)) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"grant_type=client_credentials&client_id=%00",
        b"grant_type=client_credentials&client_secret=" + b"a" * 9000,
        b"&".join(b"a%d=1" % number for number in range(40)),
        b"\xff\xfe",
        b"grant_type",
        b"client_id=%ff",
    ],
)
def test_a_form_that_is_none_is_refused(body: bytes) -> None:
    assert error(post_form(RESELLER_TOKEN, body)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"client_id": 1}', b'{"client_id": "a", "client_id": "b"}', b'{"scope": ["a"]}']
)
def test_json_that_is_not_of_this_form_is_refused(body: bytes) -> None:
    assert error(post_json(RESELLER_TOKEN, body)) == (400, "invalid_request")


def test_another_media_type_is_refused() -> None:
    answer = Client(HTTP_HOST="127.0.0.1:8000").generic("POST", RESELLER_TOKEN, b"<a/>", content_type="text/xml")
    assert error(answer) == (415, "invalid_request")


def test_a_secret_in_the_address_is_refused_and_told_to_be_leaked(program: Program) -> None:
    answer = post_form(f"{RESELLER_TOKEN}?client_secret={program.secret}", in_body(program))
    assert (answer.status_code, answer.json()["name"]) == (400, "SECRET_IN_URL")
    assert error(post_form(f"{RESELLER_TOKEN}?scope=a", in_body(program))) == (400, "invalid_request")


def test_another_method_is_refused(program: Program) -> None:
    answer = Client(HTTP_HOST="127.0.0.1:8000").get(RESELLER_TOKEN)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json()["error"] == "invalid_request"


def test_no_description_repeats_what_was_sent(program: Program) -> None:
    answer = program.ask(secret="<script>secret-of-mine")
    assert "secret-of-mine" not in json.dumps(answer.json())


def test_a_tenant_without_the_surface_is_told_so_once_it_has_proved_itself() -> None:
    program = make_program(make_entitled())
    assert error(program.ask()) == (400, "unauthorized_client")
    assert error(program.ask(secret="nonsense")) == (401, "invalid_client")


def test_a_suspended_partners_client_gets_nothing(program: Program) -> None:
    suspend_partner(program.client.partner_id, reason="", actor=ALICE)
    assert error(program.ask()) == (400, "unauthorized_client")


def test_a_disabled_client_gets_nothing_and_its_tokens_end(program: Program) -> None:
    token = program.token()
    accounts.disable_account(program.client, reason="", actor=ALICE)
    assert error(program.ask()) == (401, "invalid_client")
    assert get(RESELLER_ACCOUNT, token).status_code == 401
    accounts.enable_account(program.client, reason="", actor=ALICE)
    assert program.ask().status_code == 200
    assert get(RESELLER_ACCOUNT, token).status_code == 401


def test_two_secrets_are_good_while_one_replaces_the_other(program: Program) -> None:
    second = clients.rotate_secret(program.client, overlap=timedelta(hours=1), reason="yearly", actor=ALICE).secret
    assert program.ask().status_code == program.ask(secret=second).status_code == 200
    third = clients.rotate_secret(program.client, overlap=timedelta(hours=1), reason="again", actor=ALICE).secret
    assert [program.ask(secret=each).status_code for each in (program.secret, second, third)] == [401, 200, 200]
    fourth = clients.rotate_secret(program.client, overlap=timedelta(0), reason="leaked", actor=ALICE).secret
    assert [program.ask(secret=each).status_code for each in (second, third, fourth)] == [401, 401, 200]


def test_a_revoked_secret_ends_at_once_with_every_token(program: Program) -> None:
    token = program.token()
    second = clients.rotate_secret(program.client, overlap=timedelta(hours=1), reason="", actor=ALICE).secret
    oldest = ClientSecret.objects.filter(client=program.client).earliest("pk")
    for _ in range(2):
        clients.revoke_secret(program.client, secret_id=oldest.pk, reason="leaked", actor=ALICE)
    assert get(RESELLER_ACCOUNT, token).status_code == 401
    assert [program.ask(secret=each).status_code for each in (program.secret, second)] == [401, 200]
    assert Event.objects.filter(type="account.secret_revoked").count() == 1


def test_a_scope_that_is_taken_away_is_gone_from_tokens_that_are_out(program: Program) -> None:
    token = program.token()
    assert "orders:create" in get(RESELLER_ACCOUNT, token).json()["data"]["scopes"]
    clients.update_client(program.client, name="Stock sync", scopes=[Scope.ORDERS_READ], reason="", actor=ALICE)
    assert get(RESELLER_ACCOUNT, token).json()["data"]["scopes"] == ["orders:read"]


def test_a_secret_moves_to_the_newest_pepper_when_it_is_used(program: Program, settings: Settings) -> None:
    settings.STICKER_PEPPERS = f"{settings.STICKER_PEPPERS},{entry(2)}"
    assert program.ask().status_code == 200
    assert ClientSecret.objects.get(client=program.client).pepper_id == pepper_ring().active.id == 2
    assert program.ask().status_code == 200


def test_what_is_stored_of_a_secret_does_not_show_it(program: Program) -> None:
    stored = ClientSecret.objects.filter(client=program.client).values().get()
    assert program.secret not in repr(stored)
    assert program.secret.encode() not in bytes(stored["digest"])
    assert program.secret not in repr(clients.IssuedSecret(program.client, program.secret))


def test_the_right_secret_is_never_refused_for_others_failures(program: Program, settings: Settings) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS_PER_MINUTE = 3
    found = [program.ask(secret="nonsense") for _ in range(5)]
    assert [answer.status_code for answer in found] == [401, 401, 401, 429, 429]
    assert int(found[-1].headers["Retry-After"]) > 0
    assert error(found[-1]) == (429, "temporarily_unavailable")
    assert program.ask().status_code == 200
