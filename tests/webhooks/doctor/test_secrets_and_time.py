"""The wrong secret and the wrong time, named by the signature doctor."""

import pytest

from tests.webhooks.doctor.cases import (
    BODY,
    CURRENT,
    EXPIRED,
    NOW,
    OTHER,
    PENDING,
    PREVIOUS,
    STANDARD,
    STASH,
    STICKER,
    case,
    mistakes,
    only,
    with_headers,
)
from webhooks.doctor import Diagnosis, Mistake, diagnose
from webhooks.formats import SignatureFormat
from webhooks.signing import mint_secret, standard_signature


@pytest.mark.parametrize("age", [301, 4_000])
def test_a_stale_timestamp_is_named_by_its_seconds(age: int) -> None:
    found = diagnose(case(received_at=NOW + age))
    assert (found.fits, mistakes(found)) == (True, [Mistake.TIMESTAMP_STALE])
    assert f"{age} seconds old" in found.findings[0].text


def test_a_timestamp_from_the_future() -> None:
    found = diagnose(case(received_at=NOW - 301))
    assert mistakes(found) == [Mistake.TIMESTAMP_AHEAD]
    assert "301 seconds ahead" in found.findings[0].text


@pytest.mark.parametrize("age", [-300, 0, 300])
def test_a_timestamp_within_the_window_is_well(age: int) -> None:
    assert diagnose(case(received_at=NOW + age)).findings == ()


@pytest.mark.parametrize(
    ("text", "words"), [(f"{NOW}000", "milliseconds"), ("2026-08-01T12:00:00Z", "not a number"), ("٣", "not")]
)
def test_a_timestamp_that_is_not_in_seconds(text: str, words: str) -> None:
    signature = "v1," + standard_signature(BODY, message_id="msg_1", timestamp=text, secret=CURRENT)
    found = diagnose(with_headers(case(), webhook_timestamp=text, webhook_signature=signature))
    assert mistakes(found) == [Mistake.TIMESTAMP_MALFORMED]
    assert words in found.findings[0].text


def test_formats_without_a_signed_time_have_no_stale_one() -> None:
    assert diagnose(case(STASH, received_at=NOW + 10_000)) == Diagnosis(fits=True)


SECRETS: list[tuple[SignatureFormat, str, Mistake | None]] = [
    (STANDARD, CURRENT, None),
    (STANDARD, PENDING, None),
    (STANDARD, PREVIOUS, None),
    (STANDARD, EXPIRED, Mistake.SECRET_OLD),
    (STANDARD, OTHER, Mistake.SECRET_OF_OTHER_ENDPOINT),
    (STANDARD, mint_secret(), Mistake.SECRET_UNKNOWN),
    (STANDARD, f'"{CURRENT}"', Mistake.SECRET_UNTRIMMED),
    (STANDARD, f"{CURRENT}\n", Mistake.SECRET_UNTRIMMED),
    (STANDARD, CURRENT.removeprefix("whsec_"), None),
    (STASH, CURRENT.removeprefix("whsec_"), Mistake.KEY_RULE),
    (STASH, PREVIOUS, Mistake.SECRET_OLD),
    (STASH, PENDING, Mistake.SECRET_NOT_YET),
    (STICKER, PREVIOUS, Mistake.SECRET_OLD),
]


@pytest.mark.parametrize(("signature_format", "secret", "expected"), SECRETS, ids=range(len(SECRETS)))
def test_the_secret_that_the_receiver_uses(signature_format: SignatureFormat, secret: str, expected: Mistake | None) -> None:
    found = diagnose(case(signature_format, receiver_secret=secret))
    assert (found.fits, mistakes(found)) == (True, [expected] if expected else [])


SIGNED_BY: list[tuple[SignatureFormat, str, Mistake]] = [
    (STASH, PREVIOUS, Mistake.SECRET_OLD),
    (STASH, PENDING, Mistake.SECRET_NOT_YET),
    (STANDARD, EXPIRED, Mistake.SECRET_OLD),
    (STANDARD, OTHER, Mistake.SECRET_OF_OTHER_ENDPOINT),
    (STICKER, OTHER, Mistake.SECRET_OF_OTHER_ENDPOINT),
    (STANDARD, mint_secret(), Mistake.ALTERED),
]


@pytest.mark.parametrize(("signature_format", "secret", "expected"), SIGNED_BY, ids=range(len(SIGNED_BY)))
def test_a_signature_by_the_wrong_secret(signature_format: SignatureFormat, secret: str, expected: Mistake) -> None:
    assert only(case(signature_format, secret=secret))[0] is expected


def test_without_known_secrets_the_receivers_own_decides() -> None:
    assert diagnose(case(secrets=(), receiver_secret=CURRENT)) == Diagnosis(fits=True)
    assert only(case(secrets=(), receiver_secret=OTHER))[0] is Mistake.ALTERED
    assert only(case(secrets=()))[0] is Mistake.SECRET_UNKNOWN
