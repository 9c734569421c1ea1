"""Configuring a provider: by service, from a shell, and by what the provider says of itself."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit.models import Event
from core.errors import InvalidRequestError
from core.principals import Environment
from organizations.models import GrantState, OAuthGrant, OAuthProvider, RunOutcome
from organizations.oauth.sealing import client_secret_place, unseal
from organizations.services.oauth_providers import configure_provider
from partners.models import Partner
from tests.factories import ALICE, make_partner
from tests.organizations.oauth.provider import CLIENT_ID, CLIENT_SECRET, Answer, Provider
from tests.organizations.oauth.world import World, configure, make_world, provider_settings

pytestmark = pytest.mark.django_db


def problems_of(provider: Provider, partner: Partner, **changes: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as refused:
        configure(provider, partner, **changes)
    return {each.field: each.message for each in refused.value.details}


def test_a_provider_is_stored_with_its_secret_sealed(provider: Provider) -> None:
    row = configure(provider, make_partner())
    assert CLIENT_SECRET.encode() not in bytes(row.client_secret_sealed)
    assert unseal(row.client_secret_sealed, place=client_secret_place(row)) == CLIENT_SECRET
    told = Event.objects.get(type="oauth_provider.configured")
    assert (told.data["is_secret_new"], CLIENT_SECRET in repr(told.data)) == (True, False)


def test_the_same_again_is_no_event(provider: Provider) -> None:
    partner = make_partner()
    configure(provider, partner)
    configure(provider, partner, client_secret=None)
    assert Event.objects.filter(type="oauth_provider.configured").count() == 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no place for the id": ({"data_url": "https://api.example/org"}, "data_url"),
    "id in the host": ({"data_url": "https://{internalOrgId}.example/"}, "data_url"),
    "id twice": ({"data_url": "https://api.example/{internalOrgId}/{internalOrgId}"}, "data_url"),
    "ftp": ({"token_url": "ftp://id.example/token"}, "token_url"),
    "user in the url": ({"token_url": "https://a:b@id.example/token"}, "token_url"),
    "no token endpoint": ({"token_url": ""}, "token_url"),
    "no client": ({"client_id": ""}, "client_id"),
    "odd client": ({"client_id": "a\nb"}, "client_id"),
    "empty secret": ({"client_secret": ""}, "client_secret"),
    "odd secret": ({"client_secret": "ä"}, "client_secret"),
    "no secret": ({"client_secret": None}, "client_secret"),
    "odd scope": ({"scopes": ('a"b',)}, "scopes"),
    "many scopes": ({"scopes": tuple(f"s{n}" for n in range(51))}, "scopes"),
    "unknown field": ({"field_names": {"users.salary": "pay"}}, "field_names"),
    "nameless field": ({"field_names": {"users.email": ""}}, "field_names"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings_are_refused_by_name(provider: Provider, case: str) -> None:
    changes, field = WRONG[case]
    assert field in problems_of(provider, make_partner(), **changes)
    assert not OAuthProvider.objects.exists()


@pytest.mark.parametrize("seconds", [59, 30 * 86_400 + 1])
def test_intervals_are_bounded(provider: Provider, seconds: int) -> None:
    from datetime import timedelta

    assert "interval" in problems_of(provider, make_partner(), interval=timedelta(seconds=seconds))


def test_a_private_address_is_refused_unless_it_is_listed(provider: Provider, settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = []
    assert "token_url" in problems_of(provider, make_partner(), token_url="https://10.0.0.1/token")


def test_a_secret_is_sent_only_where_it_was_given_for(provider: Provider) -> None:
    partner = make_partner()
    configure(provider, partner)
    for changes in ({"token_url": "https://evil.example/token"}, {"client_id": "another"}):
        assert "client_secret" in problems_of(provider, partner, client_secret=None, **changes)
    assert "client_secret" in problems_of(provider, partner, client_secret=None, revocation_url="https://evil.example/r")
    configure(provider, partner, client_secret=None, token_url=provider.url("/token?v=2"))


def test_changed_names_have_everything_read_anew(world: World, provider: Provider) -> None:
    world.sync()
    assert world.sync() is None
    configure(provider, world.partner, field_names={"organizationName": "title"})
    world.document["title"] = "Renamed"
    assert world.sync() is RunOutcome.CHANGED
    world.organization.refresh_from_db()
    assert world.organization.name == "Renamed"


def test_a_refresh_token_is_forgotten_when_the_partner_takes_it_back(world: World, provider: Provider) -> None:
    from organizations.models import RefreshOwner

    assert world.grant.has_refresh_token
    configure(provider, world.partner, refresh_owner=RefreshOwner.PARTNER)
    assert not world.grant.has_refresh_token


# -- What the provider says of itself


def described(provider: Provider, **changes: Any) -> dict[str, Any]:
    provider.metadata = {
        "issuer": provider.base_url,
        "token_endpoint": provider.token_url,
        "authorization_endpoint": provider.url("/authorize"),
        "revocation_endpoint": provider.url("/revoke"),
        "authorization_response_iss_parameter_supported": True,
        "code_challenge_methods_supported": ["S256"],
        **changes,
    }
    return {"metadata_url": provider.url("/.well-known/oauth-authorization-server"), "token_url": ""}


def test_endpoints_come_from_the_description(provider: Provider) -> None:
    row = configure(provider, make_partner(), **described(provider))
    assert (row.issuer, row.token_url, row.sends_issuer) == (provider.base_url, provider.token_url, True)
    assert (row.authorization_url, row.revocation_url) == (provider.url("/authorize"), provider.url("/revoke"))


def test_what_is_given_wins_over_the_description(provider: Provider) -> None:
    wanted = {**described(provider), "revocation_url": provider.url("/revoke?v=2")}
    assert configure(provider, make_partner(), **wanted).revocation_url.endswith("?v=2")


BAD_DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "no issuer": {"issuer": None},
    "a path in the issuer": {"issuer": "PATH"},
    "no token endpoint": {"token_endpoint": None},
    "endpoint of another kind": {"token_endpoint": "ftp://id.example/"},
    "no S256": {"code_challenge_methods_supported": ["plain"]},
}


@pytest.mark.parametrize("case", BAD_DESCRIPTIONS)
def test_a_description_that_cannot_be_right_is_refused(provider: Provider, case: str) -> None:
    changes = {name: f"{provider.base_url}/a" if value == "PATH" else value for name, value in BAD_DESCRIPTIONS[case].items()}
    assert "metadata_url" in problems_of(provider, make_partner(), **described(provider, **changes))


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server/tenant", "/tenant/.well-known/openid-configuration"])
def test_an_issuer_with_a_path_is_described_at_its_own_address(provider: Provider, path: str) -> None:
    from organizations.oauth.discovery import read_metadata

    described(provider, issuer=f"{provider.base_url}/tenant")
    assert read_metadata(provider.metadata, metadata_url=provider.url(path)).issuer.endswith("/tenant")


def test_a_description_that_does_not_come_is_told(provider: Provider) -> None:
    wanted = described(provider)
    provider.metadata = Answer  # type: ignore[assignment]  # what cannot be sent ends the connection
    assert "metadata_url" in problems_of(provider, make_partner(), **wanted)


# -- From a shell


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=io.StringIO())
    return dict(json.loads(out.getvalue()))


def configure_from_shell(provider: Provider, partner: Partner, secret: Path, *more: str) -> dict[str, Any]:
    secret.write_text(f"{CLIENT_SECRET}\n")
    return run(
        *("configure_oauth", "--partner", partner.slug, "--environment", "test", "--token-url", provider.token_url),
        *("--data-url", provider.data_url, "--client-id", CLIENT_ID, "--client-secret-file", str(secret), *more),
    )


def test_a_provider_is_configured_from_a_shell(provider: Provider, tmp_path: Path) -> None:
    partner = make_partner()
    said = configure_from_shell(provider, partner, tmp_path / "secret")
    row = OAuthProvider.objects.get()
    assert (said["id"], said["partner"], said["client_id"]) == (str(row.pk), str(partner.pk), CLIENT_ID)
    assert said["redirect_uri"].endswith("/connect/callback")
    assert CLIENT_SECRET not in json.dumps(said)
    assert unseal(row.client_secret_sealed, place=client_secret_place(row)) == CLIENT_SECRET
    assert Event.objects.get(type="oauth_provider.configured").actor_kind == "command"


def test_options_left_out_stay(provider: Provider, tmp_path: Path) -> None:
    partner = make_partner()
    more = ("--scopes", "org.read users.read", "--field", "users.email=mail", "--auth-method", "post")
    configure_from_shell(provider, partner, tmp_path / "secret", *more)
    said = run("configure_oauth", "--partner", partner.slug, "--environment", "test", "--interval-seconds", "120")
    assert (said["scopes"], said["field_names"]) == (["org.read", "users.read"], {"users.email": "mail"})
    assert (said["client_authentication"], said["interval_seconds"]) == ("post", 120)


def test_wrong_arguments_are_refused(provider: Provider, tmp_path: Path) -> None:
    partner = make_partner()
    with pytest.raises(CommandError) as refused:
        call_command("configure_oauth", "--partner", partner.slug, "--environment", "test", stdout=io.StringIO())
    assert "data_url" in str(refused.value)
    with pytest.raises(CommandError):
        configure_from_shell(provider, partner, tmp_path / "secret", "--field", "nothing")
    arguments = ("--partner", partner.slug, "--environment", "test", "--client-secret-file", str(tmp_path / "none"))
    with pytest.raises(CommandError) as unreadable:
        call_command("configure_oauth", *arguments, stdout=io.StringIO())
    assert unreadable.value.returncode == 2


@pytest.mark.parametrize("method", ["basic", "post"])
def test_both_ways_to_prove_ourselves_work(provider: Provider, method: str) -> None:
    from organizations.models import ClientAuthentication

    world = make_world(provider, client_authentication=ClientAuthentication(method))
    world.age_access_token()
    assert world.sync() is RunOutcome.CHANGED
    asked = provider.asked_at("/token")[0]
    assert ("authorization" in asked.headers, "client_secret" in asked.form) == (method == "basic", method == "post")


def test_what_is_due_is_synced_from_a_shell(world: World) -> None:
    said = run("sync_organizations", "--threads", "1")
    assert (said["runs"], said["changed"]) == (1, 1)
    assert run("sync_organizations", "--threads", "1")["runs"] == 0


def test_one_organization_is_synced_from_a_shell_due_or_not(world: World) -> None:
    world.sync()
    place = ("--partner", world.partner.slug, "--environment", "test")
    said = run("sync_organizations", *place, "--organization", world.organization.external_id)
    assert said == {"outcome": "unchanged"}
    assert world.last_run().trigger == "request"
    with pytest.raises(CommandError) as unknown:
        run("sync_organizations", *place, "--organization", "nobody")
    assert unknown.value.returncode == 1
    with pytest.raises(CommandError) as incomplete:
        run("sync_organizations", *place)
    assert incomplete.value.returncode == 2


def test_the_scheduled_tasks_do_the_same(world: World, settings: Settings) -> None:
    from organizations.tasks import send_sync_notices, sync_organizations

    settings.SYNC_THREADS = 1
    assert sync_organizations(a_later_argument=1) == 1
    assert send_sync_notices() == 0


# -- Keys of the ring


def test_sealed_values_move_to_the_newest_key_with_progress(world: World, settings: Settings) -> None:
    second = "2:c2Vjb25kLWVuY3J5cHRpb24ta2V5LTAxMjM0NTY3ODk"
    settings.STICKER_ENCRYPTION_KEYS = f"{settings.STICKER_ENCRYPTION_KEYS},{second}"
    errors = io.StringIO()
    out = io.StringIO()
    call_command("reencrypt", "--json", stdout=out, stderr=errors)
    said = json.loads(out.getvalue())
    done = {each["what"]: each["done"] for each in said["values"]}
    assert (said["key"], done["client secrets"], done["OAuth access tokens"], done["OAuth refresh tokens"]) == (2, 1, 1, 1)
    assert "OAuth access tokens: 1 of 1" in errors.getvalue()
    settings.STICKER_ENCRYPTION_KEYS = second
    assert world.sync() is RunOutcome.CHANGED
    world.age_access_token()
    assert world.sync_again() is RunOutcome.UNCHANGED
    assert Event.objects.get(type="secrets.reencrypted").data == {"done": 3, "unreadable": 0}
    assert not any(each["outdated"] for each in run("reencrypt")["values"])


def test_what_does_not_open_is_left_and_counted(world: World, provider: Provider, settings: Settings) -> None:
    other = make_world(provider)
    OAuthGrant.objects.filter(pk=other.grant.pk).update(access_sealed=world.grant.access_sealed)
    settings.STICKER_ENCRYPTION_KEYS += ",2:c2Vjb25kLWVuY3J5cHRpb24ta2V5LTAxMjM0NTY3ODk"
    tokens = next(each for each in run("reencrypt")["values"] if each["what"] == "OAuth access tokens")
    assert (tokens["done"], tokens["unreadable"]) == (1, 1)
    assert other.sync() is RunOutcome.FAILED
    assert other.grant.state == GrantState.CONFIG_ERROR


def test_live_and_test_are_configured_apart(provider: Provider) -> None:
    partner = make_partner()
    configure(provider, partner)
    wanted = provider_settings(provider, client_id="live-client")
    configure_provider(partner, environment=Environment.LIVE, wanted=wanted, actor=ALICE)
    assert set(OAuthProvider.objects.values_list("environment", "client_id")) == {("test", CLIENT_ID), ("live", "live-client")}


def test_old_history_and_links_are_purged_and_tokens_stay(world: World) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from organizations.models import SyncRun
    from sessions_app.services.purge import purge

    world.sync()
    for _ in purge(now=timezone.now() + timedelta(days=29)):
        pass
    assert SyncRun.objects.count() == 1
    for _ in purge(now=timezone.now() + timedelta(days=31)):
        pass
    assert SyncRun.objects.count() == 0
    assert world.grant.access_sealed is not None
