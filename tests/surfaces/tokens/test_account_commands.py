"""The commands an operator has for accounts and clients: one JSON object, a secret shown once, a refusal that says why."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from surfaces.names import SurfaceName
from tests.factories import make_profile
from tests.surfaces.tokens.parties import (
    CUSTOMER_LOGIN,
    GENERATE_TOKEN,
    RESELLER_ACCOUNT,
    RESELLER_TOKEN,
    get,
    make_entitled,
    post_form,
    post_json,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command and read the object it prints."""

    def call(*arguments: str) -> dict[str, Any]:
        call_command(*arguments, "--json")
        return dict(json.loads(capsys.readouterr().out))

    return call


def test_a_reseller_is_created_signs_in_is_disabled_and_enabled(run: Any) -> None:
    partner = make_entitled(SurfaceName.RESELLER)
    where = ("--partner", partner.slug, "--environment", "test", "--scopes", "orders:create")
    made = run("create_reseller", "--email", "a@reseller.example", "--name", "Ada", *where)
    body = {"Email": made["email"], "Password": made["password"]}
    token = post_json(GENERATE_TOKEN, body).json()["data"]["Token"]
    assert get(RESELLER_ACCOUNT, token).status_code == 200
    assert run("disable_account", "--reseller", made["email"], "--reason", "test")["is_enabled"] is False
    assert get(RESELLER_ACCOUNT, token).status_code == 401
    assert run("enable_account", "--reseller", made["id"], "--reason", "test")["is_enabled"] is True
    renewed = run("set_password", "--reseller", made["email"], "--reason", "test")
    assert post_json(GENERATE_TOKEN, body).status_code == 400
    assert post_json(GENERATE_TOKEN, {**body, "Password": renewed["password"]}).status_code == 200


def test_a_client_is_created_rotated_and_its_tokens_revoked(run: Any) -> None:
    partner = make_entitled(SurfaceName.RESELLER)
    made = run("create_client", "--partner", partner.slug, "--environment", "test", "--name", "Sync", "--scopes", "orders:read")
    given = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    token = post_form(RESELLER_TOKEN, given).json()["access_token"]
    rotated = run("rotate_client_secret", "--client", made["client_id"], "--overlap", "now", "--reason", "test")
    assert post_form(RESELLER_TOKEN, given).status_code == 401
    assert post_form(RESELLER_TOKEN, {**given, "client_secret": rotated["client_secret"]}).status_code == 200
    assert get(RESELLER_ACCOUNT, token).status_code == 200
    run("revoke_tokens", "--client", made["client_id"], "--reason", "test")
    assert get(RESELLER_ACCOUNT, token).status_code == 401


def test_a_customer_is_created_and_passwords_are_allowed(run: Any) -> None:
    partner = make_entitled(SurfaceName.STOREFRONT)
    made = run("create_customer", "--profile", str(make_profile(partner).pk), "--email", "ada@shop.example")
    body, shop = {"Email": made["email"], "Password": made["password"]}, {"X-Shop-Handle": partner.slug}
    where = ("--partner", partner.slug, "--environment", "test", "--reason", "test")
    assert post_json(CUSTOMER_LOGIN, body, headers=shop).status_code == 400
    assert run("allow_customer_passwords", *where)["allows_customer_passwords"] is True
    assert post_json(CUSTOMER_LOGIN, body, headers=shop).status_code == 200
    assert run("allow_customer_passwords", "--off", *where)["allows_customer_passwords"] is False
    assert post_json(CUSTOMER_LOGIN, body, headers=shop).status_code == 400


def test_what_a_command_makes_is_told_to_people_once(capsys: pytest.CaptureFixture[str]) -> None:
    partner = make_entitled(SurfaceName.RESELLER)
    call_command("create_client", "--partner", partner.slug, "--environment", "test", "--name", "Sync")
    assert "shown this once" in capsys.readouterr().out
    assert "cs_test_" not in str(list(Event.objects.values()))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["disable_account", "--reseller", "nobody@x.example", "--reason", "x"], "ACCOUNT_NOT_FOUND"),
        (["revoke_tokens", "--client", "rc_test_0000000000000000", "--reason", "x"], "ACCOUNT_NOT_FOUND"),
        (["set_password", "--customer", "not-an-id", "--reason", "x"], "ACCOUNT_NOT_FOUND"),
        (
            ["create_customer", "--profile", "00000000-0000-0000-0000-000000000000", "--email", "a@b.example"],
            "ACCOUNT_NOT_FOUND",
        ),
        (["create_reseller", "--partner", "nobody", "--environment", "test", "--email", "a@b.example"], "PARTNER_NOT_FOUND"),
    ],
)
def test_a_refusal_is_one_object_too(arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError):
        call_command(*arguments, "--json")
    assert json.loads(capsys.readouterr().out)["error"] == error


def test_an_email_that_is_taken_or_none_is_refused(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    partner = make_entitled(SurfaceName.RESELLER)
    create = ("create_reseller", "--partner", partner.slug, "--environment", "test", "--email")
    run(*create, "a@reseller.example")
    for email, error in (("A@reseller.example", "EMAIL_TAKEN"), ("nonsense", "INVALID_REQUEST")):
        with pytest.raises(CommandError):
            call_command(*create, email, "--json")
        assert json.loads(capsys.readouterr().out)["error"] == error
