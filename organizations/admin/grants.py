"""OAuth grants: which organizations are kept in sync, how that goes, and what the last runs changed."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import NOTHING, badge, code, environment_tag, exact_moment, link, moment, stacked, thousands
from audit.admin_filters import ChoiceFilter, EnvironmentFilter, as_uuid
from audit.models import Event
from organizations.admin.grant_actions import Disconnect, MakeConnectLink, PauseSync, ResumeSync, ResumeWithRemovals, SyncNow
from organizations.admin.runs_plot import plots_of_grant
from organizations.models import GrantState, OAuthGrant, OAuthProvider, RunOutcome, SyncRun
from organizations.querysets import NEEDING_SOMEBODY
from organizations.sync_reasons import MEANINGS, SyncReason
from partners.admin.filters import PartnerFilter

RUNS_SHOWN: Final = 25
_TONES: Final = {
    GrantState.PENDING: "info",
    GrantState.ACTIVE: "ok",
    GrantState.REFRESHING: "info",
    GrantState.AMBIGUOUS: "warn",
    GrantState.CONFIG_ERROR: "bad",
    GrantState.REAUTHORIZATION_REQUIRED: "bad",
    GrantState.PAUSED: "warn",
    GrantState.DISCONNECTED: "plain",
}
_RUN_TONES: Final = {
    RunOutcome.CHANGED: "ok",
    RunOutcome.UNCHANGED: "plain",
    RunOutcome.FAILED: "bad",
    RunOutcome.STOPPED: "bad",
    RunOutcome.LOST: "warn",
    RunOutcome.SUPERSEDED: "plain",
    RunOutcome.REVOKED: "ok",
}


class GrantStateFilter(ChoiceFilter):
    """How the grant stands."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return list(GrantState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class AttentionFilter(ChoiceFilter):
    """What does not go on by itself, or fails at the moment."""

    title = "needs attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "Needs somebody"), ("failing", "Fails at the moment")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return queryset.filter(state__in=NEEDING_SOMEBODY)
            case "failing":
                return queryset.filter(failures__gt=0)
            case _:
                return queryset


@admin.register(OAuthGrant)
class OAuthGrantAdmin(ConsoleAdmin):
    list_display = ("organization_name", "state_tag", "environment_tag", "partner_link", "synced", "due", "failing")
    list_filter = (GrantStateFilter, AttentionFilter, EnvironmentFilter, PartnerFilter)
    list_select_related = ("organization", "partner")
    list_display_links = None
    search_fields = ("organization__external_id",)
    search_help_text = "The organization's name, the partner's id for it, or our id"
    ordering = ("-state_since",)
    page_template = "organizations/plots.html"
    console_actions: ClassVar = (SyncNow, PauseSync, ResumeSync, ResumeWithRemovals, MakeConnectLink, Disconnect)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("organization", "partner").defer("access_sealed", "given_digest")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        wanted = as_uuid(term)
        if not term:
            return queryset, False
        if wanted:
            return queryset.filter(Q(pk=wanted) | Q(organization_id=wanted)), False
        return queryset.filter(Q(organization__external_id=term) | Q(organization__name__icontains=term)), False

    @admin.display(description="Organization")
    def organization_name(self, grant: OAuthGrant) -> SafeString:
        page = link(grant.organization.name, "organizations_oauthgrant_change", grant.pk)
        return stacked(page, code(grant.organization.external_id))

    @admin.display(description="State", ordering="state_since")
    def state_tag(self, grant: OAuthGrant) -> SafeString:
        return grant_badge(grant)

    @admin.display(description="Env.")
    def environment_tag(self, grant: OAuthGrant) -> SafeString:
        return environment_tag(grant.environment)

    @admin.display(description="Partner")
    def partner_link(self, grant: OAuthGrant) -> SafeString:
        return link(grant.partner.name, "partners_partner_change", grant.partner_id)

    @admin.display(description="Last sync", ordering="synced_at")
    def synced(self, grant: OAuthGrant) -> SafeString:
        return moment(grant.synced_at, empty="never")

    @admin.display(description="Next", ordering="next_sync_at")
    def due(self, grant: OAuthGrant) -> SafeString:
        return moment(grant.next_sync_at)

    @admin.display(description="Failures", ordering="failures")
    def failing(self, grant: OAuthGrant) -> SafeString:
        if not grant.failures:
            return NOTHING
        return stacked(f"{thousands(grant.failures)} in a row", reason_text(grant.reason))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        grant = self.find(request, object_id)
        extra = {"plots": plots_of_grant(grant, timezone.now()), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def dossier(self, request: HttpRequest, row: OAuthGrant) -> Dossier:
        provider = OAuthProvider.objects.of(row.partner_id, row.environment).defer("client_secret_sealed").first()
        return Dossier(
            title=f"Sync of {row.organization.name}",
            tags=[grant_badge(row), environment_tag(row.environment), code(row.organization.external_id)],
            sections=[_sync(row), _tokens(row, provider), _runs(row)],
            warnings=_warnings(row, provider),
            environment=row.environment,
            ledger=Event.objects.about("organization", str(row.organization_id)).newest_first(),
            ledger_url=f"?subject={row.organization_id}",
        )


def grant_badge(grant: OAuthGrant) -> SafeString:
    """A grant's state in its colour, with its reason behind it."""
    state = GrantState(grant.state)
    return badge(state.label, tone=_TONES[state], title=meaning_of(grant.reason))


def reason_text(reason: str) -> SafeString:
    """A reason in words, with its meaning behind it."""
    return format_html('<span title="{}">{}</span>', meaning_of(reason), reason.replace("_", " ")) if reason else NOTHING


def meaning_of(reason: str) -> str:
    """What a reason means; empty for none, and for one this release does not know."""
    return MEANINGS[SyncReason(reason)] if reason in set(SyncReason) else ""


def _warnings(grant: OAuthGrant, provider: OAuthProvider | None) -> list[str]:
    if provider is None:
        return ["No provider is configured for this partner and environment: nothing is synced until there is one."]
    found = [meaning_of(grant.reason)] if grant.state in NEEDING_SOMEBODY and grant.reason else []
    if provider.misconfigured_at:
        found.append(f"{meaning_of(provider.misconfigured_reason)} That concerns all organizations of this partner.")
    return found


def _sync(grant: OAuthGrant) -> Section:
    facts = [
        Fact("Organization", link(grant.organization.name, "organizations_organization_change", grant.organization_id)),
        Fact("Partner", link(grant.partner.name, "partners_partner_change", grant.partner_id)),
        Fact("State", format_html("{} since {}", grant_badge(grant), moment(grant.state_since))),
        Fact("Last sync", exact_moment(grant.synced_at, empty="never")),
        Fact("Next", exact_moment(grant.next_sync_at, empty="nothing is due")),
    ]
    if grant.requested_at:
        facts.append(Fact("Asked for", exact_moment(grant.requested_at)))
    if grant.failures:
        facts.append(Fact("Failures in a row", thousands(grant.failures)))
        facts.append(Fact("Failing since", exact_moment(grant.failing_since)))
        facts.append(Fact("Why", meaning_of(grant.reason)))
    if grant.notices:
        facts.append(Fact("Partner told", f"{grant.notices} of 3 times"))
        facts.append(Fact("Told again", exact_moment(grant.next_notice_at, empty="no more")))
    return Section("Sync", facts)


def _tokens(grant: OAuthGrant, provider: OAuthProvider | None) -> Section:
    is_erased = grant.state == GrantState.DISCONNECTED and grant.next_sync_at is None
    kept = "erased" if is_erased else "stored encrypted"
    facts = [
        Fact("Access token", kept),
        Fact("Ends", exact_moment(grant.access_expires_at, empty="not told")),
        Fact("Obtained", exact_moment(grant.obtained_at)),
        Fact("Refresh token", kept if grant.has_refresh_token else "none"),
        Fact("Scopes", code(" ".join(grant.scopes))),
        Fact("Changed", f"{grant.version - 1} times"),
    ]
    if provider is not None:
        facts.append(Fact("Provider", link(str(provider), "organizations_oauthprovider_change", provider.pk)))
    return Section("Tokens", facts, note="Tokens are never shown, to nobody.")


def _runs(grant: OAuthGrant) -> Section:
    rows: list[list[str | SafeString]] = [
        [
            exact_moment(run.started_at),
            badge(run.get_outcome_display(), tone=_RUN_TONES[RunOutcome(run.outcome)], title=run.get_trigger_display()),
            format_html("{} {}", run.http_status or "", reason_text(run.reason) if run.reason else ""),
            run.get_refresh_display(),
            _changed(run.changes),
        ]
        for run in SyncRun.objects.filter(grant=grant).order_by("-id")[:RUNS_SHOWN]
    ]
    columns = ["Started", "Outcome", "Answer", "Refresh token", "What changed"]
    return Section("Last runs", table=Table(columns, rows, empty="None yet."), is_wide=True)


def _changed(changes: dict[str, Any]) -> str:
    parts = [", ".join(changes.get("changed", []))]
    words = {
        "users_added": "added",
        "users_updated": "changed",
        "users_removed": "removed",
        "users_elsewhere": "belong to another organization",
        "users_incomplete": "lack a name or address",
        "users_left_out": "would be removed",
    }
    parts += [f"{changes[name]} users {word}" for name, word in words.items() if changes.get(name)]
    parts += [f"{each['field']}: {each['message']}" for each in changes.get("problems", [])]
    return "; ".join(part for part in parts if part)
