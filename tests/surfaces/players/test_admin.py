"""The console for player issuers: what each form does, what the doctor says, and that no token or secret comes back."""

import base64
import secrets
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from audit.models import Event
from core.logs import mask
from organizations.models import Profile
from partners.services.partners import suspend_partner
from sticker_auth.roles import Role
from surfaces.models.players import Algorithm, JtiPolicy, KeySource, PlayerIssuer, PlayerJti
from surfaces.players.checks import Use
from surfaces.players.proof import prove_player
from surfaces.services.player_issuers import disable_issuer
from tests.admin.staff import signed_in
from tests.factories import ALICE, make_partner
from tests.surfaces.players.key_hosts import serve
from tests.surfaces.players.shops import OpenShop
from tests.surfaces.players.signers import AUDIENCE, ISS, Signer, key_set, make_issuer, player_claims, signer

pytestmark = pytest.mark.django_db
LIST = "admin:surfaces_playerissuer_changelist"
ACTS = {
    "edit": Role.ISSUER,
    "add-key": Role.ISSUER,
    "retire-key": Role.RESPONDER,
    "disable": Role.RESPONDER,
    "check": None,
}
SET_ACTS = {"fetch": Role.ISSUER, "drop": Role.RESPONDER}


def url(name: str, *args: object) -> str:
    return reverse(f"admin:surfaces_playerissuer_{name}", args=args)


def register_fields(partner: Any, /, **changes: Any) -> dict[str, Any]:
    fields = {
        "partner": partner.slug,
        "environment": "test",
        "name": "Acme accounts",
        "iss": ISS,
        "audience": AUDIENCE,
        "key_source": "public",
        "algorithms": ["ES256"],
        "leeway_seconds": "30",
        "max_age_seconds": "3600",
        "jti_policy": "off",
        "subject_claim": "sub",
        "email_claim": "email",
        "name_claim": "name",
        "allows_profile_creation": "on",
        "organization_external_id": "players",
        "coding": "text",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize("role", [Role.ISSUER])
def test_issuer_with_public_key_is_registered_and_its_tokens_are_accepted(role: Role) -> None:
    partner, by = make_partner(), signer(Algorithm.ES256, kid="k1")
    client = signed_in(role)
    assert client.get(url("register")).status_code == 200
    answer = client.post(url("register"), register_fields(partner, public_key=by.pem, kid="k1"))
    issuer = PlayerIssuer.objects.get()
    assert answer.headers["Location"] == url("change", issuer.pk)
    assert prove_player(by.token(), shop=partner.slug, use=Use.BEARER).issuer_id == issuer.pk
    events = Event.objects.filter(subject_id=str(issuer.pk)).order_by("id")
    assert [(event.type, event.actor_kind) for event in events] == [
        ("player_issuer.registered", "staff"),
        ("player_key.added", "staff"),
    ]
    page = text_of(client.get(url("change", issuer.pk)))
    assert ISS in page
    assert "Enabled" in page


@pytest.mark.parametrize("coding", ["text", "base64", "hex"])
def test_shared_secret_is_kept_sealed_and_never_shown(coding: str) -> None:
    partner, secret = make_partner(), secrets.token_hex(24).encode()
    written = {"text": secret.decode(), "base64": base64.urlsafe_b64encode(secret).decode(), "hex": secret.hex()}[coding]
    client = signed_in(Role.ISSUER)
    fields = register_fields(partner, key_source="secret", algorithms=["HS256"], secret=written, coding=coding)
    assert client.post(url("register"), fields).status_code == 302
    issuer = PlayerIssuer.objects.get()
    assert prove_player(Signer(Algorithm.HS256, secret).token(), shop=partner.slug, use=Use.BEARER)
    assert secret not in bytes(issuer.keys.get().sealed or b"")
    shown = text_of(client.get(url("change", issuer.pk))) + text_of(client.get(url("edit", issuer.pk)))
    shown += "".join(str(event.data) for event in Event.objects.all())
    for form in (secret.decode(), written, secret.hex()):
        assert form not in shown


def test_form_that_is_refused_does_not_bring_the_secret_back() -> None:
    partner, secret = make_partner(), "too-short-" + secrets.token_hex(4)
    fields = register_fields(partner, key_source="secret", algorithms=["HS256"], secret=secret)
    answer = signed_in(Role.ISSUER).post(url("register"), fields)
    assert answer.status_code == 200
    assert "32 to 512 bytes" in text_of(answer)
    assert secret not in text_of(answer)
    assert not PlayerIssuer.objects.exists()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no partner": ({"partner": "nobody"}, "No partner has this slug or id."),
    "http": ({"key_source": "jwks", "jwks_url": "http://keys.example/jwks"}, "Only https"),
    "private address": ({"key_source": "jwks", "jwks_url": "https://10.0.0.1/jwks"}, "not on the public internet"),
    "no url": ({"key_source": "jwks"}, "kind of key you ticked"),
    "url with keys": ({"jwks_url": "https://keys.example/jwks"}, "Only an issuer whose keys come from a URL"),
    "no key": ({"public_key": ""}, "kind of key you ticked"),
    "no algorithm": ({"algorithms": []}, "This field is required"),
    "HS256 with public keys": ({"algorithms": ["HS256"]}, "With this kind of key"),
    "RS256 with a secret": ({"key_source": "secret", "secret": "s" * 40, "public_key": ""}, "With this kind of key"),
    "key of another algorithm": ({"algorithms": ["RS256"]}, "may not sign with"),
    "secret and public key": ({"secret": "s" * 40}, "either a shared secret or a public key"),
    "leeway": ({"leeway_seconds": "61"}, "less than or equal to 60"),
    "life": ({"max_age_seconds": "5"}, "greater than or equal to 30"),
    "our own name": ({"iss": "http://127.0.0.1:8000"}, "our own name"),
    "private key": ({"public_key": "-----BEGIN PRIVATE KEY-----"}, "treat it as leaked"),
    "no PEM": ({"public_key": "hello"}, "neither a public key in PEM nor a JWK"),
    "hex that is none": (
        {"key_source": "secret", "algorithms": ["HS256"], "secret": "zz", "coding": "hex"},
        "the way you ticked",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_form_says_what_is_wrong(case: str, settings: Settings) -> None:
    settings.EGRESS_ALLOWED_NETWORKS = []
    changes, text = WRONG[case]
    by = signer(Algorithm.ES256)
    fields = register_fields(make_partner(), **{"public_key": by.pem, **changes})
    answer = signed_in(Role.ISSUER).post(url("register"), fields)
    assert answer.status_code == 200
    assert text in text_of(answer).replace("&#x27;", "'")
    assert not PlayerIssuer.objects.exists()


def test_second_issuer_of_the_same_name_is_refused_and_says_what_to_do() -> None:
    partner, by = make_partner(), signer(Algorithm.ES256)
    make_issuer(partner, by)
    answer = signed_in(Role.ISSUER).post(url("register"), register_fields(partner, public_key=by.pem, environment="live"))
    assert "use another audience" in text_of(answer)


def test_edit_changes_what_differs_and_says_so_in_the_ledger() -> None:
    issuer = make_issuer(make_partner(), signer(Algorithm.ES256))
    client = signed_in(Role.ISSUER)
    fields = register_fields(issuer.partner, leeway_seconds="5", algorithms=["RS256", "ES256", "EdDSA"], reason="clock fixed")
    assert client.post(url("edit", issuer.pk), fields).status_code == 302
    issuer.refresh_from_db()
    assert issuer.leeway_seconds == 5
    event = Event.objects.get(type="player_issuer.updated")
    assert event.data == {"before": {"leeway_seconds": 30}, "after": {"leeway_seconds": 5}}
    assert event.reason == "clock fixed"


def test_keys_are_added_and_retired() -> None:
    old, new = signer(Algorithm.ES256, kid="old"), signer(Algorithm.ES256, kid="new")
    issuer = make_issuer(make_partner(), old)
    issuers, responders = signed_in(Role.ISSUER), signed_in(Role.RESPONDER)
    assert (
        issuers.post(url("add-key", issuer.pk), {"public_key": new.pem, "kid": "new", "reason": "rotation"}).status_code == 302
    )
    again = issuers.post(url("add-key", issuer.pk), {"public_key": new.pem, "kid": "new", "reason": "rotation"})
    assert "has this id already" in text_of(again)
    assert "Give the key" in text_of(issuers.post(url("add-key", issuer.pk), {"reason": "rotation"}))
    key = issuer.keys.get(kid="old")
    assert "key id old" in text_of(responders.get(url("retire-key", issuer.pk)))
    assert responders.post(url("retire-key", issuer.pk), {"key": str(key.pk), "reason": "rotated"}).status_code == 302
    assert issuer.keys.filter(retired_at=None).get().kid == "new"
    other = make_issuer(make_partner(), signer(Algorithm.ES256))
    foreign = responders.post(url("retire-key", other.pk), {"key": str(issuer.keys.get(kid="new").pk), "reason": "x"})
    assert foreign.status_code == 200
    assert issuer.keys.filter(retired_at=None).exists()


def test_at_most_five_keys_are_live() -> None:
    issuer = make_issuer(make_partner(), signer(Algorithm.ES256))
    client = signed_in(Role.ISSUER)
    answers = [
        client.post(url("add-key", issuer.pk), {"public_key": signer(Algorithm.ES256).pem, "reason": "r"}) for _ in range(5)
    ]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 302, 200]
    assert "at most 5 live keys" in text_of(answers[-1])


def test_key_set_is_fetched_dropped_from_and_restored(open_shop: OpenShop) -> None:
    one, two = signer(Algorithm.ES256, kid="k1"), signer(Algorithm.ES256, kid="k2")
    shop = open_shop(serve(lambda: key_set(one, two)))
    issuers, responders = signed_in(Role.ISSUER), signed_in(Role.RESPONDER)
    assert "the first token does it" in text_of(issuers.get(url("change", shop.issuer.pk)))
    assert issuers.post(url("fetch", shop.issuer.pk)).status_code == 302
    assert shop.there.connections == 1
    page = text_of(issuers.get(url("change", shop.issuer.pk)))
    assert "k1" in page
    assert "k2" in page
    assert url("restore", shop.issuer.pk) not in page
    assert responders.post(url("drop", shop.issuer.pk), {"kid": "k1", "reason": "leaked"}).status_code == 302
    assert shop.reason(one) == "player_key"
    assert "Dropped" in text_of(issuers.get(url("change", shop.issuer.pk)))
    unknown = issuers.post(url("restore", shop.issuer.pk), {"kid": "k9", "reason": "r"})
    assert "No key of this id is dropped" in text_of(unknown)
    assert issuers.post(url("restore", shop.issuer.pk), {"kid": "k1", "reason": "mistake"}).status_code == 302
    shop.prove(one)


def test_fetch_that_fails_says_so_and_the_page_warns(open_shop: OpenShop) -> None:
    shop = open_shop(serve(lambda: b"{}", status=500))
    client = signed_in(Role.ISSUER)
    assert "status_500" in text_of(client.post(url("fetch", shop.issuer.pk)))
    page = text_of(client.get(url("change", shop.issuer.pk)))
    assert "There are no keys to go on with" in page
    assert "Key set failing" in page
    assert "Key set failing" in text_of(client.get(reverse(LIST) + "?state=failing"))


def test_disable_and_enable() -> None:
    by, partner = signer(Algorithm.ES256), make_partner()
    issuer = make_issuer(partner, by)
    assert signed_in(Role.RESPONDER).post(url("disable", issuer.pk), {"reason": "incident"}).status_code == 302
    client = signed_in(Role.ISSUER)
    assert "every token of this issuer is refused" in text_of(client.get(url("change", issuer.pk)))
    assert client.post(url("enable", issuer.pk), {"reason": "over"}).status_code == 302
    prove_player(by.token(), shop=partner.slug, use=Use.BEARER)


DOCTOR: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": lambda now: now - 37}, "The token expired 37 s ago."),
    "expired long ago": ({"exp": lambda now: now - 7300, "iat": None, "nbf": None}, "(2 h) ago."),
    "not yet": ({"nbf": lambda now: now + 95}, "The token becomes valid 95 s from now, beyond the leeway of 30 s"),
    "clock ahead": ({"iat": lambda now: now + 61}, "The token was issued 61 s from now"),
    "too long": ({"exp": lambda now: now + 7200}, "at most 3600 s are accepted"),
    "audience": ({"aud": "elsewhere"}, f"'aud' says 'elsewhere'; it must name '{AUDIENCE}'."),
    "issuer": ({"iss": "https://other.example"}, f"it must be exactly '{ISS}'"),
    "no exp": ({"exp": None}, "'exp' is missing"),
    "subject": ({"sub": None}, "The claim 'sub' must be a text"),
}


@pytest.mark.parametrize("case", DOCTOR)
def test_doctor_names_the_check_and_the_seconds(case: str) -> None:
    changes, text = DOCTOR[case]
    by = signer(Algorithm.HS256)
    issuer = make_issuer(make_partner(), by)
    now = int(time.time())
    claims = player_claims(**{name: value(now) if callable(value) else value for name, value in changes.items()})
    answer = signed_in(Role.VIEWER).post(url("check", issuer.pk), {"token": by.token(claims)})
    shown = text_of(answer).replace("&#x27;", "'")
    assert answer.status_code == 200
    assert "is refused" in shown
    # A second may pass between here and there.
    assert text in shown or text.replace("37", "38").replace("95", "94").replace("61", "60") in shown


def test_doctor_finds_more_than_the_first_flaw() -> None:
    by = signer(Algorithm.ES256, kid="k1")
    issuer = make_issuer(make_partner(), by)
    now = int(time.time())
    token = Signer(Algorithm.ES256, signer(Algorithm.ES256).key, "k1").token(player_claims(exp=now - 10, aud="x"))
    shown = text_of(signed_in(Role.VIEWER).post(url("check", issuer.pk), {"token": f"  {token}\n"}))
    assert "not made with the issuer" in shown
    assert "expired 10" in shown or "expired 11" in shown
    assert "must name" in shown


def test_doctor_leaves_no_trace(open_shop: OpenShop, caplog: pytest.LogCaptureFixture) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(by)))
    shop.issuer.jti_policy = JtiPolicy.ALWAYS
    shop.issuer.save()
    client = signed_in(Role.VIEWER)
    page = client.get(url("check", shop.issuer.pk))
    assert "no-store" in page.headers["Cache-Control"]
    rows = Event.objects.count()
    token = by.token()
    for sent in (token, token + "x", "x" * 40_000):
        answer = client.post(url("check", shop.issuer.pk), {"token": sent})
        assert answer.status_code == 200
        assert "no-store" in answer.headers["Cache-Control"]
        for part in sent.split("."):
            assert part not in text_of(answer)
    assert token.split(".")[1] not in caplog.text
    assert Event.objects.count() == rows
    assert shop.there.connections == 0
    assert not PlayerJti.objects.exists()
    assert not Profile.objects.filter(partner=shop.partner).exists()


def test_doctor_says_when_all_is_well_and_when_the_issuer_or_partner_is_not() -> None:
    by = signer(Algorithm.ES256)
    issuer = make_issuer(make_partner(), by)
    client = signed_in(Role.SUPPORT)
    assert "passes every check" in text_of(client.post(url("check", issuer.pk), {"token": by.token()}))
    suspend_partner(issuer.partner_id, reason="r", actor=ALICE)
    assert "answered 403" in text_of(client.post(url("check", issuer.pk), {"token": by.token()}))
    disable_issuer(issuer.pk, reason="r", actor=ALICE)
    assert "This issuer is disabled" in text_of(client.post(url("check", issuer.pk), {"token": by.token()}))


@pytest.mark.parametrize(
    "junk", ["", "hello", "a.b.c", "e30.e30.e30", "<script>alert(1)</script>", "eyJhbGciOiI8Yj4ifQ.e30.e30"]
)
def test_doctor_takes_junk_calmly(junk: str) -> None:
    issuer = make_issuer(make_partner(), signer(Algorithm.ES256))
    answer = signed_in(Role.VIEWER).post(url("check", issuer.pk), {"token": junk})
    assert answer.status_code == 200
    assert "<script>alert" not in text_of(answer)
    assert "<b>'" not in text_of(answer)


@pytest.mark.parametrize("role", list(Role))
def test_acts_open_for_their_role_alone(role: Role, open_shop: OpenShop) -> None:
    issuer = make_issuer(make_partner(), signer(Algorithm.ES256))
    shop = open_shop(serve(lambda: b"{}"))
    client = signed_in(role)
    assert client.get(reverse(LIST)).status_code == 200
    assert client.get(url("change", issuer.pk)).status_code == 200
    page = text_of(client.get(url("change", issuer.pk))) + text_of(client.get(url("change", shop.issuer.pk)))
    acts = [(issuer, name, needed) for name, needed in ACTS.items()]
    acts += [(shop.issuer, name, needed) for name, needed in SET_ACTS.items()]
    for row, name, needed in acts:
        may = needed in (None, role)
        assert client.get(url(name, row.pk)).status_code == (200 if may else 403), name
        assert (f'href="{url(name, row.pk)}"' in page) is may, name
    assert client.get(url("register")).status_code == (200 if role is Role.ISSUER else 403)
    assert Client().post(url("check", issuer.pk), {"token": "x"}).status_code == 302


def test_get_changes_nothing(open_shop: OpenShop) -> None:
    shop = open_shop(serve(lambda: b"{}"))
    client = signed_in(is_superuser=True)
    rows = Event.objects.count()
    for name in ("fetch", "drop", "disable", "edit", "check"):
        assert client.get(url(name, shop.issuer.pk)).status_code == 200
    assert (shop.there.connections, Event.objects.count()) == (0, rows)


def test_list_costs_the_same_for_one_row_and_for_many(open_shop: OpenShop) -> None:
    client = signed_in(is_superuser=True)

    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse(LIST)).status_code == 200
        return len(captured)

    make_issuer(make_partner(), signer(Algorithm.ES256))
    few = questions()
    for _ in range(4):
        make_issuer(make_partner(), signer(Algorithm.ES256))
        open_shop(serve(lambda: b"{}"))
    assert questions() == few <= 14


@pytest.mark.parametrize("term", ["Acme acc", "id.acme", AUDIENCE, "slug", "id"])
def test_issuers_are_found_by_name_iss_audience_partner_and_id(term: str) -> None:
    issuer = make_issuer(make_partner(), signer(Algorithm.ES256))
    other = make_issuer(make_partner("Zeta"), signer(Algorithm.ES256), iss="https://z.example", audience="zz", name="Zeta")
    wanted = {"slug": issuer.partner.slug, "id": str(issuer.pk)}.get(term, term)
    page = text_of(signed_in(Role.VIEWER).get(reverse(LIST), {"q": wanted}))
    assert url("change", issuer.pk) in page
    assert url("change", other.pk) not in page


def test_key_source_is_part_of_the_row_for_good() -> None:
    issuer = make_issuer(make_partner(), signer(Algorithm.ES256))
    fields = register_fields(issuer.partner, key_source="jwks", iss="https://other.example", reason="r", algorithms=["ES256"])
    signed_in(Role.ISSUER).post(url("edit", issuer.pk), fields)
    issuer.refresh_from_db()
    assert (issuer.key_source, issuer.iss) == (KeySource.PUBLIC, ISS)


def test_tokens_are_masked_in_whatever_is_logged() -> None:
    token = signer(Algorithm.ES256).token()
    assert token not in mask(f"look at {token}")


def test_stale_set_says_until_when_it_serves(open_shop: OpenShop) -> None:
    by = signer(Algorithm.ES256, kid="k1")
    shop = open_shop(serve(lambda: key_set(by)))
    shop.prove(by)
    shop.there.close()
    shop.age(fresh_until=timedelta(hours=1))
    shop.prove(by)
    page = text_of(signed_in(Role.VIEWER).get(url("change", shop.issuer.pk)))
    assert "The keys fetched last serve until" in page
