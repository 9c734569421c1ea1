"""`configure_player_issuer`: from nothing to an issuer, again without a change, and everything it refuses."""

import base64
import json
import secrets
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from core.principals import Environment
from surfaces.models.players import Algorithm, PlayerIssuer
from surfaces.players.checks import Use
from surfaces.players.proof import prove_player
from tests.factories import make_partner
from tests.surfaces.players.signers import ISS, Signer, make_issuer, player_claims, signer

pytestmark = pytest.mark.django_db


def run(partner: Any, *arguments: str) -> dict[str, Any]:
    out = StringIO()
    named = ["--partner", partner.slug, "--environment", "test", "--iss", ISS, *arguments, "--json"]
    call_command("configure_player_issuer", *named, stdout=out)
    facts: dict[str, Any] = json.loads(out.getvalue())
    return facts


def test_public_key_from_a_file_and_again_without_a_change(tmp_path: Path) -> None:
    partner, by = make_partner(), signer(Algorithm.ES256, kid="k1")
    (tmp_path / "key.pem").write_text(by.pem)
    given = ["--audience", "shop", "--public-key-file", str(tmp_path / "key.pem"), "--kid", "k1", "--allow-profile-creation"]
    facts = run(partner, *given)
    assert (facts["created"], facts["key_added"], facts["audience"]) == (True, True, "shop")
    rows = Event.objects.count()
    again = run(partner, *given)
    assert (again["created"], again["key_added"], again["issuer_id"]) == (False, False, facts["issuer_id"])
    assert Event.objects.count() == rows
    assert prove_player(by.token(player_claims(aud="shop")), shop=partner.slug, use=Use.BEARER)


@pytest.mark.parametrize("coding", ["text", "hex", "base64"])
def test_secret_from_standard_input(monkeypatch: pytest.MonkeyPatch, coding: str) -> None:
    partner, secret = make_partner(), secrets.token_urlsafe(32).encode()
    written = {"text": secret, "hex": secret.hex().encode(), "base64": base64.b64encode(secret)}[coding]
    for expected in (True, False):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(written + b"\n")))
        facts = run(partner, "--secret-file", "-", "--secret-coding", coding, "--allow-profile-creation")
        assert facts["key_added"] is expected
    assert facts["audience"] == "127.0.0.1/test"
    by = Signer(Algorithm.HS256, secret)
    assert prove_player(by.token(player_claims(aud=facts["audience"])), shop=partner.slug, use=Use.BEARER)
    assert secret.decode() not in json.dumps(facts)


def test_key_set_url_and_policy_change_in_place() -> None:
    partner = make_partner()
    first = run(
        partner, "--jwks-url", "https://id.acme.example/jwks.json", "--name", "Acme", "--jti", "exchange", "--leeway", "10"
    )
    assert (first["created"], first["key_source"], first["algorithms"]) == (True, "jwks", ["RS256", "ES256", "EdDSA"])
    second = run(partner, "--jwks-url", "https://id.acme.example/new.json", "--max-age", "600", "--algorithms", "ES256")
    issuer = PlayerIssuer.objects.get(pk=second["issuer_id"])
    assert second["created"] is False
    assert (issuer.jwks_url, issuer.max_age_seconds, issuer.algorithms) == ("https://id.acme.example/new.json", 600, ["ES256"])
    assert (issuer.name, issuer.jti_policy, issuer.leeway_seconds) == ("Acme", "exchange", 10)
    assert issuer.allows_profile_creation is False
    run(partner, "--jwks-url", "https://id.acme.example/new.json", "--allow-profile-creation")
    run(partner, "--jwks-url", "https://id.acme.example/new.json")
    issuer.refresh_from_db()
    assert issuer.allows_profile_creation is True


REFUSED = {
    "unknown partner": (["--partner", "nobody", "--jwks-url", "https://id.example/jwks"], "PARTNER_NOT_FOUND"),
    "plain http": (["--jwks-url", "ftp://id.example/jwks"], "INVALID_REQUEST"),
    "private address": (["--jwks-url", "https://192.168.0.1/jwks"], "INVALID_REQUEST"),
    "leeway": (["--jwks-url", "https://id.example/jwks", "--leeway", "61"], "INVALID_REQUEST"),
    "HS256 with a key set": (["--jwks-url", "https://id.example/jwks", "--algorithms", "HS256"], "INVALID_REQUEST"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusal_is_one_object_and_exit_code_1(case: str) -> None:
    arguments, slug = REFUSED[case]
    out = StringIO()
    named = ["--partner", make_partner().slug, "--environment", "test", "--iss", ISS, *arguments, "--json"]
    with pytest.raises(CommandError) as error:
        call_command("configure_player_issuer", *named, stdout=out)
    assert error.value.returncode == 1
    assert json.loads(out.getvalue())["error"] == slug
    assert not PlayerIssuer.objects.exists()


def test_short_secret_and_missing_file_are_refused_without_repeating_them(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("hunter2-hunter2")
    partner, out = make_partner(), StringIO()
    named = ["--partner", partner.slug, "--environment", "test", "--iss", ISS, "--json"]
    with pytest.raises(CommandError):
        call_command("configure_player_issuer", *named, "--secret-file", str(tmp_path / "short"), stdout=out)
    assert "hunter2" not in out.getvalue()
    with pytest.raises(CommandError) as missing:
        call_command("configure_player_issuer", *named, "--secret-file", str(tmp_path / "none"), stdout=out)
    assert missing.value.returncode == 2


def test_other_kind_of_key_under_the_same_name_is_refused() -> None:
    partner = make_partner()
    make_issuer(partner, signer(Algorithm.ES256), audience="shop", environment=Environment.TEST)
    out = StringIO()
    named = ["--partner", partner.slug, "--environment", "live", "--iss", ISS, "--audience", "shop", "--json"]
    with pytest.raises(CommandError):
        call_command("configure_player_issuer", *named, "--jwks-url", "https://id.example/jwks", stdout=out)
    assert json.loads(out.getvalue())["error"] == "ALREADY_EXISTS"
