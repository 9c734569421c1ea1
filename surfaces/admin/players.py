"""The list of player issuers and the page of one: what its tokens must look like, its keys, and how fetching them goes."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import NOTHING, badge, badges, code, environment_tag, exact_moment, link, moment
from audit.admin_filters import ChoiceFilter, EnvironmentFilter, as_uuid
from audit.models import Event
from partners.admin.filters import PartnerFilter
from surfaces.admin.player_actions import console_actions
from surfaces.models.players import JtiPolicy, JwksCache, KeySource, PlayerIssuer
from surfaces.players.keys import UnusableKeyError, read_jwk


class IssuerStateFilter(ChoiceFilter):
    """Whether an issuer's tokens are accepted, and whether its keys can be had."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("enabled", "Enabled"), ("disabled", "Disabled"), ("failing", "Key set cannot be fetched")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "enabled":
                return queryset.filter(disabled_at=None)
            case "disabled":
                return queryset.exclude(disabled_at=None)
            case "failing":
                return queryset.filter(jwks__failing_since__isnull=False)
            case _:
                return queryset


@admin.register(PlayerIssuer)
class PlayerIssuerAdmin(ConsoleAdmin):
    list_display = ("name", "state", "environment_tag", "partner_link", "issuer", "algorithm_list", "source", "created")
    list_filter = (IssuerStateFilter, EnvironmentFilter, PartnerFilter)
    list_select_related = ("partner", "jwks")
    search_fields = ("iss",)
    search_help_text = "Name, 'iss', audience, or our id"
    ordering = ("partner__name", "name")
    console_actions = console_actions()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if wanted := as_uuid(term):
            return queryset.filter(pk=wanted), False
        texts = Q(iss__icontains=term) | Q(name__icontains=term) | Q(audience__icontains=term)
        return queryset.filter(texts | Q(partner__slug__istartswith=term)), False

    @admin.display(description="State")
    def state(self, issuer: PlayerIssuer) -> SafeString:
        return _state(issuer)

    @admin.display(description="Env.")
    def environment_tag(self, issuer: PlayerIssuer) -> SafeString:
        return environment_tag(issuer.environment)

    @admin.display(description="Partner")
    def partner_link(self, issuer: PlayerIssuer) -> SafeString:
        return link(issuer.partner.name, "partners_partner_change", issuer.partner_id)

    @admin.display(description="Issuer")
    def issuer(self, issuer: PlayerIssuer) -> SafeString:
        return code(issuer.iss)

    @admin.display(description="Algorithms")
    def algorithm_list(self, issuer: PlayerIssuer) -> str:
        return ", ".join(issuer.algorithms)

    @admin.display(description="Keys from")
    def source(self, issuer: PlayerIssuer) -> str:
        return KeySource(issuer.key_source).label

    @admin.display(description="Registered", ordering="created_at")
    def created(self, issuer: PlayerIssuer) -> SafeString:
        return moment(issuer.created_at)

    def dossier(self, request: HttpRequest, row: PlayerIssuer) -> Dossier:
        is_set = row.key_source == KeySource.JWKS
        sections = [_issuer_facts(row), _token_facts(row), _player_facts(row), *([_key_set(row)] if is_set else [_keys(row)])]
        about = Event.objects.about("player_issuer", str(row.pk)).newest_first()
        return Dossier(
            title=row.name,
            tags=[_state(row), environment_tag(row.environment)],
            sections=sections,
            warnings=_warnings(row),
            environment=row.environment,
            ledger=about,
            ledger_url=f"?subject={row.pk}",
        )


def _state(issuer: PlayerIssuer) -> SafeString:
    if not issuer.is_enabled:
        return badge("Disabled", tone="bad")
    if issuer.key_source == KeySource.JWKS and issuer.jwks.failing_since:
        return badges([badge("Enabled", tone="ok"), badge("Key set failing", tone="warn")])
    return badge("Enabled", tone="ok")


def _warnings(issuer: PlayerIssuer) -> list[str]:
    found = []
    if not issuer.is_enabled:
        found.append("Disabled: every token of this issuer is refused.")
    if issuer.key_source != KeySource.JWKS:
        has_key = issuer.keys.filter(retired_at=None).exists()
        return found if has_key else [*found, "No live key: every token of this issuer is refused."]
    cache = issuer.jwks
    if cache.failing_since:
        since = f"The key set cannot be fetched since {cache.failing_since:%Y-%m-%d %H:%M} UTC ({cache.failure})."
        found.append(f"{since} {_while_failing(cache)}")
    return found


def _while_failing(cache: JwksCache) -> str:
    if cache.usable_until is None or cache.usable_until <= timezone.now():
        return "There are no keys to go on with: its tokens are answered 503."
    return f"The keys fetched last serve until {cache.usable_until:%Y-%m-%d %H:%M} UTC."


def _issuer_facts(issuer: PlayerIssuer) -> Section:
    facts = [
        Fact("Partner", link(issuer.partner.name, "partners_partner_change", issuer.partner_id)),
        Fact("Shop handle", code(issuer.partner.slug)),
        Fact("Our id", code(issuer.pk)),
        Fact("Registered", exact_moment(issuer.created_at)),
        Fact("Registered by", issuer.created_by or NOTHING),
        Fact("Changed", exact_moment(issuer.updated_at)),
        Fact("Disabled", exact_moment(issuer.disabled_at, empty="no")),
    ]
    return Section("Issuer", facts)


def _token_facts(issuer: PlayerIssuer) -> Section:
    facts = [
        Fact("iss", code(issuer.iss)),
        Fact("aud", code(issuer.audience)),
        Fact("Algorithms", badges(badge(each) for each in issuer.algorithms)),
        Fact("Leeway", f"{issuer.leeway_seconds} s for nbf and iat"),
        Fact("Longest life", f"{issuer.max_age_seconds} s"),
        Fact("jti", JtiPolicy(issuer.jti_policy).label),
    ]
    return Section("Tokens", facts)


def _player_facts(issuer: PlayerIssuer) -> Section:
    made = f"Yes, in the organization {issuer.organization_external_id}" if issuer.allows_profile_creation else "No"
    facts = [
        Fact("Player's id from", code(issuer.subject_claim)),
        Fact("E-mail address from", code(issuer.email_claim) if issuer.email_claim else "not read"),
        Fact("Name from", code(issuer.name_claim) if issuer.name_claim else "not read"),
        Fact("Profiles made on first sight", made),
    ]
    return Section("Players", facts)


def _keys(issuer: PlayerIssuer) -> Section:
    rows: list[list[str | SafeString]] = [
        [
            code(key.kid) if key.kid else "none",
            key.algorithm,
            badge("Retired", tone="bad") if key.retired_at else badge("Live", tone="ok"),
            moment(key.created_at),
            key.created_by or NOTHING,
            moment(key.retired_at),
        ]
        for key in issuer.keys.order_by("retired_at", "-created_at")[:25]
    ]
    columns = ["Key id", "Algorithm", "State", "Added", "By", "Retired"]
    return Section("Keys", table=Table(columns, rows, empty="No key: every token is refused."), is_wide=True)


def _key_set(issuer: PlayerIssuer) -> Section:
    cache = issuer.jwks
    facts = [
        Fact("URL", code(issuer.jwks_url)),
        Fact("Fetched", exact_moment(cache.fetched_at, empty="never; the first token does it")),
        Fact("Fresh until", exact_moment(cache.fresh_until)),
        Fact("Usable until, if its host is down", exact_moment(cache.usable_until)),
        Fact("Last failure", f"{cache.failure}, {cache.failures} in a row" if cache.failures else "none"),
        Fact("Next attempt", exact_moment(cache.next_attempt_at, empty="when it is due")),
    ]
    known = [_set_row(jwk, cache) for jwk in cache.document]
    gone: list[list[str | SafeString]] = [
        [code(kid), NOTHING, badge("Dropped", tone="bad")]
        for kid in cache.dropped_kids
        if kid not in {_name(jwk) for jwk in cache.document}
    ]
    table = Table(["Key id or thumbprint", "Algorithm", "State"], [*known, *gone], empty="No keys yet.")
    return Section("Key set", facts, table, is_wide=True)


def _set_row(jwk: dict[str, str], cache: JwksCache) -> list[str | SafeString]:
    name = _name(jwk)
    state = badge("Dropped", tone="bad") if name in cache.dropped_kids else badge("Live", tone="ok")
    try:
        return [code(name), read_jwk(jwk).algorithm.value, state]
    except UnusableKeyError:
        return [code(name), NOTHING, badge("Unusable", tone="warn")]


def _name(jwk: dict[str, str]) -> str:
    try:
        return read_jwk(jwk).name
    except UnusableKeyError:
        return str(jwk.get("kid", "?"))
