"""Where a partner's organizations are synced from: checked, completed by what the provider says of itself, stored."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.events import EventType
from core.egress.policy import EgressRefusedError, check_url
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor, Environment
from organizations.models import ClientAuthentication, GrantState, OAuthGrant, OAuthProvider, RefreshOwner
from organizations.models.oauth import MAX_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS
from organizations.oauth.data import PLACEHOLDER
from organizations.oauth.discovery import UnusableMetadataError, discover
from organizations.oauth.documents import field_names
from organizations.oauth.sealing import client_secret_place, seal
from organizations.services.ledger import record_provider
from partners.models import Partner

DEFAULT_INTERVAL: Final = timedelta(hours=1)
MAX_SECRET_CHARS: Final = 512
MAX_SCOPES: Final = 50
_URLS: Final = ("metadata_url", "token_url", "authorization_url", "revocation_url", "data_url")
_READ_ANEW: Final = frozenset({"data_url", "field_names"})


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """How a provider is to be used. What `metadata_url` tells fills in the endpoints that are left empty.

    `client_secret` None keeps the one that is stored.
    """

    data_url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    metadata_url: str = ""
    issuer: str = ""
    token_url: str = ""
    authorization_url: str = ""
    revocation_url: str = ""
    sends_issuer: bool = False
    client_authentication: ClientAuthentication = ClientAuthentication.BASIC
    scopes: Sequence[str] = ()
    field_names: Mapping[str, str] = field(default_factory=dict)
    interval: timedelta = DEFAULT_INTERVAL
    refresh_owner: RefreshOwner = RefreshOwner.US

    def columns(self) -> dict[str, Any]:
        """The settings as the row holds them, without the secret."""
        found = asdict(self)
        found.pop("client_secret")
        found["interval_seconds"] = int(found.pop("interval").total_seconds())
        return {**found, "scopes": list(self.scopes), "field_names": dict(self.field_names)}


def configure_provider(partner: Partner, *, environment: Environment, wanted: ProviderSettings, actor: Actor) -> OAuthProvider:
    """Set or change where a partner's organizations of one environment are synced from; its grants are tried again at once.

    Raises: InvalidRequestError naming each wrong field.
    """
    _check(wanted)
    whole = _completed(wanted)
    with transaction.atomic():
        # Two first configurations at once wait for one another here.
        Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
        known = OAuthProvider.objects.of(partner.pk, environment.value).first()
        _check_secret(known, whole)
        provider, before = _saved(known, partner, environment, whole)
        after = whole.columns()
        changed = {
            name: {"before": before.get(name), "after": value} for name, value in after.items() if before.get(name) != value
        }
        if changed or wanted.client_secret is not None:
            _look_again(provider, is_read_anew=not _READ_ANEW.isdisjoint(changed))
            data = {"changed": changed, "is_secret_new": wanted.client_secret is not None}
            record_provider(provider, event=EventType.OAUTH_PROVIDER_CONFIGURED, actor=actor, data=data)
    return OAuthProvider.objects.select_related("partner").get(pk=provider.pk)


def change_provider(partner: Partner, *, environment: Environment, changes: Mapping[str, Any], actor: Actor) -> OAuthProvider:
    """Change some of a provider's settings and leave the others as they are; `changes` has fields of `ProviderSettings`.

    Raises: InvalidRequestError naming each wrong field.
    """
    known = OAuthProvider.objects.of(partner.pk, environment.value).first()
    before = settings_of(known) if known else ProviderSettings(data_url="", client_id="")
    return configure_provider(partner, environment=environment, wanted=replace(before, **changes), actor=actor)


def settings_of(provider: OAuthProvider) -> ProviderSettings:
    """A provider's settings as they are; its secret stays where it is."""
    return ProviderSettings(
        data_url=provider.data_url,
        client_id=provider.client_id,
        metadata_url=provider.metadata_url,
        issuer=provider.issuer,
        token_url=provider.token_url,
        authorization_url=provider.authorization_url,
        revocation_url=provider.revocation_url,
        sends_issuer=provider.sends_issuer,
        client_authentication=ClientAuthentication(provider.client_authentication),
        scopes=tuple(provider.scopes),
        field_names=provider.field_names,
        interval=timedelta(seconds=provider.interval_seconds),
        refresh_owner=RefreshOwner(provider.refresh_owner),
    )


def _check(wanted: ProviderSettings) -> None:
    problems = [*_url_problems(wanted), *_text_problems(wanted), *_name_problems(wanted)]
    if not MIN_INTERVAL_SECONDS <= wanted.interval.total_seconds() <= MAX_INTERVAL_SECONDS:
        problems.append(FieldProblem("interval", "The interval must lie between a minute and 30 days."))
    if problems:
        raise InvalidRequestError(reason="provider", details=problems)


def _url_problems(wanted: ProviderSettings) -> list[FieldProblem]:
    problems = []
    for name in _URLS:
        url = getattr(wanted, name)
        if url:
            try:
                check_url(url.replace(PLACEHOLDER, "x"))
            except EgressRefusedError as error:
                problems.append(FieldProblem(name, str(error)))
    if wanted.data_url.count(PLACEHOLDER) != 1:
        problems.append(FieldProblem("data_url", f"The data URL must contain {PLACEHOLDER} once."))
    elif PLACEHOLDER in urlsplit(wanted.data_url).netloc:
        problems.append(FieldProblem("data_url", f"{PLACEHOLDER} belongs into the path or the query, not into the host."))
    if not (wanted.token_url or wanted.metadata_url):
        problems.append(FieldProblem("token_url", "Give the token endpoint, or the metadata URL that names it."))
    return problems


def _text_problems(wanted: ProviderSettings) -> list[FieldProblem]:
    problems = []
    if not 1 <= len(wanted.client_id) <= 255 or not _is_visible(wanted.client_id):
        problems.append(FieldProblem("client_id", "A client id has 1 to 255 printable ASCII characters."))
    secret = wanted.client_secret
    if secret is not None and (not 1 <= len(secret) <= MAX_SECRET_CHARS or not _is_visible(secret)):
        problems.append(FieldProblem("client_secret", "A client secret has 1 to 512 printable ASCII characters."))
    if len(wanted.scopes) > MAX_SCOPES or any(not _is_scope(each) for each in wanted.scopes):
        problems.append(FieldProblem("scopes", "Scopes are words of visible ASCII characters, at most 50."))
    if len(wanted.issuer) > 2048 or (wanted.issuer and not _is_visible(wanted.issuer)):
        problems.append(FieldProblem("issuer", "The issuer is a URL, exactly as the provider writes it."))
    return problems


def _name_problems(wanted: ProviderSettings) -> list[FieldProblem]:
    known = set(field_names())
    problems = [
        FieldProblem("field_names", f"{name[:64]} is none of our fields.") for name in wanted.field_names if name not in known
    ]
    wrong = [name for name, path in wanted.field_names.items() if not 1 <= len(path) <= 256 or not path.isprintable()]
    problems += [FieldProblem("field_names", f"{name[:64]} has no usable name at the provider.") for name in wrong]
    return problems


def _check_secret(known: OAuthProvider | None, wanted: ProviderSettings) -> None:
    """A secret is sent only where it was given for: other endpoints, or another client, want it anew."""
    if wanted.client_secret is not None:
        return
    if known is None:
        raise InvalidRequestError(details=[FieldProblem("client_secret", "The client secret is missing.")])
    same = known.client_id == wanted.client_id and {_origin(known.token_url), _origin(known.revocation_url)} >= {
        _origin(url) for url in (wanted.token_url, wanted.revocation_url) if url
    }
    if not same:
        message = "With another client id, or endpoints on another host, give the client secret again."
        raise InvalidRequestError(details=[FieldProblem("client_secret", message)])


def _completed(wanted: ProviderSettings) -> ProviderSettings:
    if not wanted.metadata_url:
        return wanted
    try:
        found = discover(wanted.metadata_url)
    except UnusableMetadataError as error:
        raise InvalidRequestError(reason="metadata", details=[FieldProblem("metadata_url", str(error))]) from error
    if wanted.issuer and wanted.issuer != found.issuer:
        raise InvalidRequestError(details=[FieldProblem("issuer", "The provider names itself otherwise.")])
    return replace(
        wanted,
        issuer=found.issuer,
        token_url=wanted.token_url or found.token_url,
        authorization_url=wanted.authorization_url or found.authorization_url,
        revocation_url=wanted.revocation_url or found.revocation_url,
        sends_issuer=found.sends_issuer,
    )


def _saved(
    known: OAuthProvider | None, partner: Partner, environment: Environment, wanted: ProviderSettings
) -> tuple[OAuthProvider, dict[str, Any]]:
    before = settings_of(known).columns() if known else {}
    provider = known or OAuthProvider(partner=partner, environment=environment.value)
    for name, value in wanted.columns().items():
        setattr(provider, name, value)
    if wanted.client_secret is not None:
        provider.client_secret_sealed = seal(wanted.client_secret, place=client_secret_place(provider))
    provider.misconfigured_at = provider.probe_at = None
    provider.misconfigured_reason, provider.is_mailed = "", True
    provider.updated_at = Now()
    provider.save()
    return provider, before


def _look_again(provider: OAuthProvider, *, is_read_anew: bool) -> None:
    """Have what waits for a right configuration tried again; what is read differently from now on is read in any case."""
    mine = OAuthGrant.objects.of(provider.partner_id, provider.environment)
    mine.filter(state__in=[GrantState.PENDING, GrantState.CONFIG_ERROR]).update(next_sync_at=Now())
    if is_read_anew:
        mine.filter(next_sync_at__isnull=False).update(etag="")
        mine.filter(state=GrantState.ACTIVE).update(next_sync_at=Now())
    if provider.refresh_owner == RefreshOwner.PARTNER:
        mine.update(refresh_sealed=None, refresh_sent_at=None, version=F("version") + 1)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _is_visible(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_scope(text: str) -> bool:
    return 1 <= len(text) <= 128 and _is_visible(text) and not set(text) & {" ", '"', "\\"}
