"""Good player tokens of every algorithm and both libraries, and what each check refuses."""

import json
import time
from typing import Any

import jwt
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from core.principals import Environment
from organizations.models import Organization, Profile
from partners.services.partners import suspend_partner
from surfaces.models.players import Algorithm, JtiPolicy, PlayerJti
from surfaces.players.checks import Use
from surfaces.players.policy import IssuerPolicy
from surfaces.players.proof import ProvenPlayer, prove_player
from surfaces.services.player_issuers import disable_issuer, enable_issuer, update_issuer
from surfaces.services.player_keys import NewKey, add_key, retire_key
from surfaces.verification import NotProvenError
from tests.factories import ALICE, make_organization, make_partner, make_profile
from tests.surfaces.players.signers import AUDIENCE, ISS, Signer, make_issuer, player_claims, signer

pytestmark = pytest.mark.django_db
ALL = list(Algorithm)


def prove(token: str, shop: str, use: Use = Use.BEARER) -> ProvenPlayer:
    return prove_player(token, shop=shop, use=use)


def reason_of(token: str, shop: str, use: Use = Use.BEARER) -> str:
    with pytest.raises(NotProvenError) as refused:
        prove(token, shop, use)
    return refused.value.reason


@pytest.mark.parametrize("library", ["PyJWT", "joserfc"])
@pytest.mark.parametrize("kid", ["", "key-1"])
@pytest.mark.parametrize("algorithm", ALL)
def test_token_of_each_algorithm_and_library_proves_its_player(algorithm: Algorithm, kid: str, library: str) -> None:
    partner, by = make_partner(), signer(algorithm, kid=kid)
    issuer = make_issuer(partner, by)
    claims = player_claims()
    player = prove(by.token(claims) if library == "PyJWT" else by.jose_token(claims), partner.slug)
    assert (player.partner_id, player.environment, player.issuer_id) == (partner.pk, Environment.TEST, issuer.pk)
    assert (player.player_id, player.kid, player.jti) == ("player-1", kid, claims["jti"])
    assert player.expires_at.timestamp() == claims["exp"]
    assert player.single_use is None
    profile = Profile.objects.get(pk=player.profile_id)
    assert (profile.external_id, profile.first_name, profile.last_name) == ("player-1", "Ada", "Byron King")
    assert (profile.email, profile.organization.external_id) == ("ada@example.com", "players")


@pytest.mark.parametrize("algorithm", ALL)
def test_known_player_costs_one_query_and_no_write(algorithm: Algorithm) -> None:
    partner, by = make_partner(), signer(algorithm)
    make_issuer(partner, by)
    prove(by.token(), partner.slug)
    rows = Event.objects.count()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        prove(by.token(), partner.slug)
    assert len(queries) == 1
    assert queries[0]["sql"].lstrip().startswith("SELECT")
    assert Event.objects.count() == rows


def test_junk_costs_no_query() -> None:
    with CaptureQueriesContext(connection) as queries:
        for junk in ("", "a.b", "a.b.c", "e30.e30.", "x" * 9000, "e30.e30.e30"):
            reason_of(junk, "shop")
    assert len(queries) == 0


@pytest.mark.parametrize("shop", ["slug", "id", "SLUG", ""])
def test_shop_is_named_by_slug_or_id_or_by_the_issuer_alone(shop: str) -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    iss = f"https://{partner.slug}.example"
    make_issuer(partner, by, iss=iss)
    named = {"slug": partner.slug, "id": str(partner.pk), "SLUG": partner.slug.upper(), "": ""}[shop]
    assert prove(by.token(player_claims(iss=iss)), named).partner_id == partner.pk


def test_issuer_of_two_shops_needs_the_shop() -> None:
    ours, theirs, by = make_partner(), make_partner(), signer(Algorithm.ES256)
    make_issuer(ours, by)
    make_issuer(theirs, by)
    assert reason_of(by.token(), "") == "player_issuer"
    assert prove(by.token(), ours.slug).partner_id == ours.pk
    assert prove(by.token(), theirs.slug).partner_id == theirs.pk
    assert reason_of(by.token(), make_partner().slug) == "player_issuer"


def test_partners_are_apart_even_where_players_have_one_name() -> None:
    ours, theirs = make_partner(), make_partner()
    our_key, their_key = signer(Algorithm.HS256), signer(Algorithm.HS256)
    make_issuer(ours, our_key)
    make_issuer(theirs, their_key)
    mine, other = prove(our_key.token(), ours.slug), prove(their_key.token(), theirs.slug)
    assert mine.profile_id != other.profile_id
    assert reason_of(our_key.token(), theirs.slug) == "player_signature"


def test_audience_decides_the_environment() -> None:
    partner, by = make_partner(), signer(Algorithm.EDDSA)
    make_issuer(partner, by, audience="sticker-live", environment=Environment.LIVE)
    make_issuer(partner, by, audience="sticker-test", environment=Environment.TEST)
    live = prove(by.token(player_claims(aud="sticker-live")), partner.slug)
    test = prove(by.token(player_claims(aud=["other", "sticker-test"])), partner.slug)
    assert (live.environment, test.environment) == (Environment.LIVE, Environment.TEST)
    assert live.profile_id != test.profile_id
    assert reason_of(by.token(player_claims(aud=["sticker-live", "sticker-test"])), partner.slug) == "player_issuer"
    assert reason_of(by.token(player_claims(aud="elsewhere")), partner.slug) == "player_audience"


BAD_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "expired by a second": ({"exp": lambda now: now - 1}, "player_expiry"),
    "expires now": ({"exp": lambda now: now}, "player_expiry"),
    "no exp": ({"exp": None}, "player_claims"),
    "exp as text": ({"exp": lambda now: str(now + 300)}, "player_claims"),
    "exp as a boolean": ({"exp": True}, "player_claims"),
    "exp as a list": ({"exp": [9999999999]}, "player_claims"),
    "negative exp": ({"exp": -5}, "player_claims"),
    "exp in milliseconds": ({"exp": lambda now: now * 1000}, "player_lifetime"),
    "nbf beyond the leeway": ({"nbf": lambda now: now + 40}, "player_not_before"),
    "nbf as text": ({"nbf": "soon"}, "player_claims"),
    "iat beyond the leeway": ({"iat": lambda now: now + 40}, "player_issued_at"),
    "iat as text": ({"iat": "now"}, "player_claims"),
    "lives too long": ({"exp": lambda now: now + 3700}, "player_lifetime"),
    "lives too long without iat": ({"iat": None, "exp": lambda now: now + 3700}, "player_lifetime"),
    "other audience": ({"aud": "sticker-live"}, "player_audience"),
    "no audience": ({"aud": None}, "player_audience"),
    "audience prefix": ({"aud": AUDIENCE + "x"}, "player_audience"),
    "audience in other case": ({"aud": AUDIENCE.upper()}, "player_audience"),
    "audience as a number": ({"aud": 5}, "player_claims"),
    "audience list with a number": ({"aud": [AUDIENCE, 5]}, "player_claims"),
    "other issuer": ({"iss": "https://evil.example"}, "player_issuer"),
    "issuer with a slash": ({"iss": ISS + "/"}, "player_issuer"),
    "issuer in other case": ({"iss": ISS.upper()}, "player_issuer"),
    "no issuer": ({"iss": None}, "player_issuer"),
    "issuer as a list": ({"iss": [ISS]}, "player_issuer"),
    "no subject": ({"sub": None}, "player_subject"),
    "empty subject": ({"sub": ""}, "player_subject"),
    "subject as a list": ({"sub": ["player-1"]}, "player_subject"),
    "subject as a boolean": ({"sub": True}, "player_subject"),
    "subject as a fraction": ({"sub": 1.5}, "player_subject"),
    "subject too long": ({"sub": "p" * 129}, "player_subject"),
    "subject with a control character": ({"sub": "p\u0007"}, "player_subject"),
    "jti as a number": ({"jti": 5}, "player_jti"),
    "jti too long": ({"jti": "j" * 257}, "player_jti"),
}


@pytest.mark.parametrize("case", BAD_CLAIMS)
def test_claim_that_does_not_fit_is_refused(case: str) -> None:
    changes, reason = BAD_CLAIMS[case]
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)
    now = int(time.time())
    said = {name: value(now) if callable(value) else value for name, value in changes.items()}
    # PyJWT refuses to sign some of these: the table signs by hand.
    assert reason_of(_signed(by, player_claims(**said)), partner.slug) == reason
    assert Profile.objects.filter(partner=partner).count() == 0


def _signed(by: Signer, claims: dict[str, Any]) -> str:
    return jwt.api_jws.encode(json.dumps(claims).encode(), by.key, algorithm=by.algorithm.value)


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_leeway_is_for_clocks_that_are_ahead_and_not_for_the_end(claim: str) -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by, leeway_seconds=60)
    now = int(time.time())
    assert prove(by.token(player_claims(**{claim: now + 50})), partner.slug)
    assert reason_of(by.token(player_claims(exp=now - 5)), partner.slug) == "player_expiry"


def test_fractions_of_seconds_and_numbers_for_players_are_read() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)
    now = time.time()
    player = prove(_signed(by, player_claims(sub=4711, exp=now + 10.5, iat=now - 0.5, nbf=None)), partner.slug)
    assert player.player_id == "4711"
    with CaptureQueriesContext(connection) as queries:
        assert prove(_signed(by, player_claims(sub=4711)), partner.slug).profile_id == player.profile_id
    assert len(queries) == 1


@pytest.mark.parametrize(
    ("claim", "extra"),
    [
        ("user_id", {"user_id": "u-9"}),
        ("https://acme.example/id", {"https://acme.example/id": "u-9"}),
        ("user.id", {"user": {"id": "u-9"}}),
    ],
)
def test_subject_stands_in_the_claim_that_staff_named(claim: str, extra: dict[str, Any]) -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by, subject_claim=claim)
    first = prove(by.token(player_claims(**extra)), partner.slug)
    assert first.player_id == "u-9"
    with CaptureQueriesContext(connection) as queries:
        assert prove(by.token(player_claims(**extra)), partner.slug).profile_id == first.profile_id
    assert len(queries) == 1


def test_unknown_player_is_refused_where_none_may_be_made() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by, allows_profile_creation=False)
    assert reason_of(by.token(), partner.slug) == "player_player"
    organization = make_organization(partner)
    known = make_profile(partner, organization=organization, external_id="player-1")
    assert prove(by.token(), partner.slug).profile_id == known.pk
    assert Organization.objects.filter(partner=partner).count() == 1


def test_removed_user_is_refused_and_not_made_anew() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)
    player = prove(by.token(), partner.slug)
    Profile.objects.filter(pk=player.profile_id).update(removed_at="2026-01-01T00:00:00Z")
    assert reason_of(by.token(), partner.slug) == "player_player"
    assert Profile.objects.filter(partner=partner).count() == 1


def test_changed_name_and_address_reach_the_profile_once() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)
    player = prove(by.token(), partner.slug)
    changed = {"given_name": "Augusta", "family_name": "King", "email": "augusta@example.com"}
    prove(by.token(player_claims(**changed)), partner.slug)
    profile = Profile.objects.get(pk=player.profile_id)
    assert (profile.first_name, profile.last_name, profile.email) == ("Augusta", "King", "augusta@example.com")
    rows = Event.objects.filter(type="profile.updated", subject_id=str(profile.pk))
    prove(by.token(player_claims(**changed)), partner.slug)
    assert rows.count() == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"email": "no address"},
        {"email": 5},
        {"email": None, "name": None},
        {"name": "x" * 500},
        {"name": "a\u0000b"[:1] + "\u0007"},
    ],
)
def test_name_or_address_that_is_none_is_passed_over(odd: dict[str, Any]) -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)
    known = prove(by.token(), partner.slug).profile_id
    assert prove(_signed(by, player_claims(**odd)), partner.slug).profile_id == known
    profile = Profile.objects.get(pk=known)
    assert (profile.email, profile.last_name) == ("ada@example.com", "Byron King")


def test_claims_that_staff_do_not_map_are_not_read() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by, email_claim="", name_claim="")
    profile = Profile.objects.get(pk=prove(by.token(), partner.slug).profile_id)
    assert (profile.email, profile.first_name) == ("", "")


def test_disabled_issuer_is_refused_at_the_next_request_and_let_in_again() -> None:
    partner, by = make_partner(), signer(Algorithm.ES256)
    issuer = make_issuer(partner, by)
    prove(by.token(), partner.slug)
    disable_issuer(issuer.pk, reason="incident", actor=ALICE)
    assert reason_of(by.token(), partner.slug) == "player_issuer"
    enable_issuer(issuer.pk, reason="over", actor=ALICE)
    prove(by.token(), partner.slug)


def test_suspended_partner_is_told_apart_by_the_proof() -> None:
    partner, by = make_partner(), signer(Algorithm.ES256)
    make_issuer(partner, by)
    suspend_partner(partner.pk, reason="unpaid", actor=ALICE)
    assert prove(by.token(), partner.slug).partner_is_active is False


@pytest.mark.parametrize("algorithm", ALL)
def test_keys_rotate_with_both_live_and_a_retired_one_ends_at_once(algorithm: Algorithm) -> None:
    partner, old = make_partner(), signer(algorithm, kid="old")
    issuer = make_issuer(partner, old)
    new = signer(algorithm, kid="new")
    prove(old.token(), partner.slug)
    assert reason_of(new.token(), partner.slug) == "player_key"
    add_key(issuer.pk, key=new.new_key, actor=ALICE)
    prove(old.token(), partner.slug)
    prove(new.token(), partner.slug)
    key = issuer.keys.get(kid="old")
    assert retire_key(issuer.pk, key_id=key.pk, reason="rotated", actor=ALICE) is True
    assert retire_key(issuer.pk, key_id=key.pk, reason="rotated", actor=ALICE) is False
    assert reason_of(old.token(), partner.slug) == "player_key"
    prove(new.token(), partner.slug)


def test_key_of_another_issuer_of_the_partner_proves_nothing() -> None:
    partner, one, two = make_partner(), signer(Algorithm.ES256, kid="k1"), signer(Algorithm.ES256, kid="k2")
    make_issuer(partner, one)
    make_issuer(partner, two, iss="https://other.acme.example")
    assert reason_of(two.token(), partner.slug) == "player_key"
    assert reason_of(Signer(Algorithm.ES256, two.key, "k1").token(), partner.slug) == "player_signature"


def test_new_policy_holds_for_the_next_token() -> None:
    partner, by = make_partner(), signer(Algorithm.RS256)
    issuer = make_issuer(partner, by)
    prove(by.token(), partner.slug)
    update_issuer(issuer.pk, policy=IssuerPolicy("Acme", AUDIENCE, [Algorithm.ES256]), actor=ALICE)
    assert reason_of(by.token(), partner.slug) == "player_algorithm"


@pytest.mark.parametrize(
    ("policy", "use", "is_single"),
    [
        (JtiPolicy.OFF, Use.BEARER, False),
        (JtiPolicy.OFF, Use.EXCHANGE, False),
        (JtiPolicy.EXCHANGE, Use.BEARER, False),
        (JtiPolicy.EXCHANGE, Use.EXCHANGE, True),
        (JtiPolicy.ALWAYS, Use.BEARER, True),
        (JtiPolicy.ALWAYS, Use.EXCHANGE, True),
    ],
)
def test_jti_is_good_once_where_the_policy_says_so(policy: JtiPolicy, use: Use, is_single: bool) -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by, jti_policy=policy)
    token = by.token()
    player = prove(token, partner.slug, use)
    assert (player.single_use is not None) is is_single
    if player.single_use is None:
        assert prove(by.token(player_claims(jti=None)), partner.slug, use)
        return
    player.single_use.settle()
    with pytest.raises(NotProvenError, match="player_jti_used"):
        player.single_use.settle()
    assert reason_of(token, partner.slug, use) == "player_jti_used"
    assert reason_of(by.token(player_claims(jti=None)), partner.slug, use) == "player_jti"
    row = PlayerJti.objects.get()
    assert row.expires_at == player.expires_at
    assert player.jti.encode() not in bytes(row.digest)


def test_same_jti_of_two_issuers_is_two() -> None:
    ours, theirs = make_partner(), make_partner()
    one, two = signer(Algorithm.HS256), signer(Algorithm.HS256)
    make_issuer(ours, one, jti_policy=JtiPolicy.ALWAYS)
    make_issuer(theirs, two, jti_policy=JtiPolicy.ALWAYS)
    for by, partner in ((one, ours), (two, theirs)):
        player = prove(by.token(player_claims(jti="same")), partner.slug)
        assert player.single_use is not None
        player.single_use.settle()
    assert PlayerJti.objects.count() == 2


def test_refusal_names_the_partner_only_once_the_signature_is_good() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    make_issuer(partner, by)
    with pytest.raises(NotProvenError) as forged:
        prove(signer(Algorithm.HS256).token(), partner.slug)
    with pytest.raises(NotProvenError) as late:
        prove(by.token(player_claims(exp=int(time.time()) - 1)), partner.slug)
    assert (forged.value.partner_id, late.value.partner_id) == (None, partner.pk)


def test_secret_without_kid_fits_a_token_that_names_one_and_the_other_way_round() -> None:
    partner, by = make_partner(), signer(Algorithm.HS256)
    issuer = make_issuer(partner, by)
    assert prove(Signer(Algorithm.HS256, by.key, "whatever").token(), partner.slug).kid == ""
    second = signer(Algorithm.HS256, kid="second")
    add_key(issuer.pk, key=NewKey("second", secret=second.key), actor=ALICE)
    assert prove(Signer(Algorithm.HS256, second.key).token(), partner.slug).kid == "second"
