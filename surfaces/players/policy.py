"""What an issuer's tokens must look like, as staff say it, and what is wrong with what they said."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from core.egress.policy import EgressRefusedError, check_url
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Environment
from surfaces.models.players import (
    MAX_LEEWAY_SECONDS,
    MAX_LIFETIME_SECONDS,
    Algorithm,
    JtiPolicy,
    KeySource,
)

MIN_LIFETIME_SECONDS: Final = 30
_ALGORITHMS: Final = {
    KeySource.SECRET: frozenset({Algorithm.HS256}),
    KeySource.PUBLIC: frozenset({Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA}),
    KeySource.JWKS: frozenset({Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA}),
}


@dataclass(frozen=True, slots=True)
class IssuerIdentity:
    """What an issuer is, for good: `iss` as its tokens say it, in which environment, and where its keys come from."""

    environment: Environment
    iss: str
    key_source: KeySource


@dataclass(frozen=True, slots=True)
class IssuerPolicy:
    """What of an issuer may change. An empty claim name means that the claim is not read."""

    name: str
    audience: str
    algorithms: Sequence[Algorithm]
    jwks_url: str = ""
    leeway_seconds: int = 30
    max_age_seconds: int = 3600
    jti_policy: JtiPolicy = JtiPolicy.OFF
    subject_claim: str = "sub"
    email_claim: str = "email"
    name_claim: str = "name"
    allows_profile_creation: bool = False
    organization_external_id: str = "players"

    def columns(self) -> dict[str, object]:
        """The policy as a row keeps it."""
        columns = asdict(self)
        columns["algorithms"] = [each.value for each in Algorithm if each in self.algorithms]
        columns["jti_policy"] = self.jti_policy.value
        return columns


def check_policy(identity: IssuerIdentity, policy: IssuerPolicy) -> None:
    """Refuse what could never work, or would mean something else than it says.

    Raises: InvalidRequestError with one detail per wrong field.
    """
    problems = [*_text_problems(identity, policy), *_choice_problems(identity, policy), *_number_problems(policy)]
    if identity.key_source is KeySource.JWKS:
        problems += _url_problems(policy.jwks_url)
    elif policy.jwks_url:
        problems.append(FieldProblem("jwks_url", "Only an issuer whose keys come from a URL has one."))
    if problems:
        raise InvalidRequestError(reason="player_issuer", details=problems)


def audience_hint(identity: IssuerIdentity) -> str:
    """A good audience where the partner has no wish: our host, and the environment."""
    host = urlsplit(settings.PUBLIC_BASE_URL).hostname or "sticker"
    return f"{host}/{identity.environment}"


def as_json(columns: dict[str, object]) -> dict[str, object]:
    """Columns as the ledger keeps them."""
    plain: dict[str, object] = json.loads(json.dumps(columns, default=str))
    return plain


def _text_problems(identity: IssuerIdentity, policy: IssuerPolicy) -> Iterator[FieldProblem]:
    texts = (
        ("name", policy.name, 120, True),
        ("iss", identity.iss, 255, True),
        ("audience", policy.audience, 255, True),
        ("subject_claim", policy.subject_claim, 128, True),
        ("email_claim", policy.email_claim, 128, False),
        ("name_claim", policy.name_claim, 128, False),
        ("organization_external_id", policy.organization_external_id, 128, True),
    )
    for field, text, most, is_required in texts:
        if not text.isprintable() or text != text.strip() or len(text) > most or (is_required and not text):
            yield FieldProblem(field, f"This must be a text of {int(is_required)} to {most} printable characters.")
    if identity.iss == settings.PUBLIC_BASE_URL:
        yield FieldProblem("iss", "This is our own name: tokens that carry it are ours alone.")


def _choice_problems(identity: IssuerIdentity, policy: IssuerPolicy) -> Iterator[FieldProblem]:
    possible = _ALGORITHMS[identity.key_source]
    if not policy.algorithms or not set(policy.algorithms) <= possible:
        names = ", ".join(each.value for each in Algorithm if each in possible)
        yield FieldProblem("algorithms", f"With this kind of key: at least one of {names}.")


def _number_problems(policy: IssuerPolicy) -> Iterator[FieldProblem]:
    if not 0 <= policy.leeway_seconds <= MAX_LEEWAY_SECONDS:
        yield FieldProblem("leeway_seconds", f"This must lie between 0 and {MAX_LEEWAY_SECONDS}.")
    if not MIN_LIFETIME_SECONDS <= policy.max_age_seconds <= MAX_LIFETIME_SECONDS:
        yield FieldProblem("max_age_seconds", f"This must lie between {MIN_LIFETIME_SECONDS} and {MAX_LIFETIME_SECONDS}.")


def _url_problems(url: str) -> list[FieldProblem]:
    try:
        check_url(url)
    except EgressRefusedError as error:
        return [FieldProblem("jwks_url", str(error))]
    return []
