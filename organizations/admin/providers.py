"""OAuth providers: where the organizations of a partner are synced from, how that goes, and how many wait."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction
from audit.admin_base import Button, ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import badge, clipped, code, environment_tag, exact_moment, link, moment, stacked, thousands
from audit.admin_filters import EnvironmentFilter
from audit.models import Event
from core.principals import Actor, Environment
from organizations.admin.runs_plot import plots_of_provider
from organizations.forms import NewProviderForm, ProviderForm, initial_of
from organizations.models import GrantState, OAuthGrant, OAuthProvider
from organizations.services.connect_links import callback_address
from organizations.services.oauth_providers import change_provider
from organizations.sync_reasons import MEANINGS, SyncReason
from partners.admin.filters import PartnerFilter

_PERMISSION: Final = "organizations.configure_oauthprovider"


class CreateProvider(ConsoleAction[NewProviderForm]):
    """A provider for a partner and environment that have none."""

    name = "create"
    label = "New provider"
    title = "New OAuth provider"
    submit_label = "Save provider"
    permission = _PERMISSION
    is_on_row = False
    form_class = NewProviderForm

    def make_form(self, **kwargs: Any) -> NewProviderForm:
        usual = {"client_authentication": "basic", "refresh_owner": "us", "interval_seconds": 3600}
        return super().make_form(initial={**usual, "partner": self.request.GET.get("partner", "")}, **kwargs)

    def facts(self) -> list[Fact]:
        return [Fact("Redirect URI to register there", code(callback_address()))]

    def perform(self, form: NewProviderForm, actor: Actor) -> HttpResponse:
        partner, environment = form.cleaned_data["partner"], Environment(form.cleaned_data["environment"])
        provider = change_provider(partner, environment=environment, changes=form.changes(), actor=actor)
        url = reverse("admin:organizations_oauthprovider_change", args=[provider.pk])
        return self.done(url, f"Organizations of {partner.name} are synced from {provider}.")


class EditProvider(ConsoleAction[ProviderForm]):
    """Change how a provider is used; its grants are tried again at once."""

    name = "edit"
    label = "Edit"
    title = "Edit the OAuth provider"
    submit_label = "Save provider"
    permission = _PERMISSION
    form_class = ProviderForm
    row: OAuthProvider

    def make_form(self, **kwargs: Any) -> ProviderForm:
        return super().make_form(initial=initial_of(self.row), **kwargs)

    def warnings(self) -> list[str]:
        return ["Where tokens are sent to is changed here: tokens of every organization of this partner go to these addresses."]

    def perform(self, form: ProviderForm, actor: Actor) -> HttpResponse:
        environment = Environment(self.row.environment)
        change_provider(self.row.partner, environment=environment, changes=form.changes(), actor=actor)
        return self.done(self.back_url(), "The provider was saved.")


@admin.register(OAuthProvider)
class OAuthProviderAdmin(ConsoleAdmin):
    list_display = ("partner_link", "environment_tag", "standing", "grants", "waiting", "every", "changed")
    list_filter = (EnvironmentFilter, PartnerFilter)
    list_select_related = ("partner",)
    list_display_links = None
    search_fields = ("partner__slug",)
    search_help_text = "The partner's slug"
    ordering = ("partner__name", "environment")
    page_template = "organizations/plots.html"
    console_actions: ClassVar = (CreateProvider, EditProvider)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return OAuthProvider.objects.with_grant_counts().select_related("partner").defer("client_secret_sealed")

    @admin.display(description="Partner")
    def partner_link(self, provider: OAuthProvider) -> SafeString:
        page = link(provider.partner.name, "organizations_oauthprovider_change", provider.pk)
        return stacked(page, clipped(str(provider)))

    @admin.display(description="Env.")
    def environment_tag(self, provider: OAuthProvider) -> SafeString:
        return environment_tag(provider.environment)

    @admin.display(description="State")
    def standing(self, provider: OAuthProvider) -> SafeString:
        return provider_badge(provider)

    @admin.display(description="Grants")
    def grants(self, provider: Any) -> SafeString:
        return _grants_link(provider, thousands(provider.grants))

    @admin.display(description="Need somebody")
    def waiting(self, provider: Any) -> SafeString:
        return _grants_link(provider, thousands(provider.waiting), "&attention=yes")

    @admin.display(description="Every")
    def every(self, provider: OAuthProvider) -> str:
        return spoken_interval(provider.interval_seconds)

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, provider: OAuthProvider) -> SafeString:
        return moment(provider.updated_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        provider = self.find(request, object_id)
        extra = {"plots": plots_of_provider(provider, timezone.now()), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra)

    def dossier(self, request: HttpRequest, row: OAuthProvider) -> Dossier:
        warnings = []
        if row.misconfigured_at:
            meaning = MEANINGS[SyncReason(row.misconfigured_reason)]
            warnings.append(f"{meaning} No organization of this partner is synced; one is tried each hour.")
        return Dossier(
            title=f"OAuth of {row.partner.name}",
            tags=[provider_badge(row), environment_tag(row.environment)],
            sections=[_endpoints(row), _client(row), _progress(row), _names(row)],
            warnings=warnings,
            environment=row.environment,
            ledger=Event.objects.about("oauth_provider", str(row.pk)).newest_first(),
            ledger_url=f"?subject={row.pk}",
        )

    def buttons(self, request: HttpRequest, row: Any = None) -> list[Button]:
        own = super().buttons(request, row)
        if row is None:
            return own
        url = f"{reverse('admin:organizations_oauthgrant_changelist')}?partner={row.partner.slug}&environment={row.environment}"
        return [*own, Button("Grants", url)]


def provider_badge(provider: OAuthProvider) -> SafeString:
    """Whether the provider accepts us."""
    if provider.misconfigured_at:
        return badge("Refuses us", tone="bad", title=MEANINGS[SyncReason(provider.misconfigured_reason)])
    return badge("Working", tone="ok")


def spoken_interval(seconds: int) -> str:
    """An interval as people say it."""
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def _grants_link(provider: OAuthProvider, text: str, query: str = "") -> SafeString:
    url = reverse("admin:organizations_oauthgrant_changelist")
    mine = f"{url}?partner={provider.partner.slug}&environment={provider.environment}{query}"
    return format_html('<a class="sa-link" href="{}">{}</a>', mine, text)


def _endpoints(provider: OAuthProvider) -> Section:
    facts = [
        Fact("Partner", link(provider.partner.name, "partners_partner_change", provider.partner_id)),
        Fact("Data URL", code(provider.data_url)),
        Fact("Token endpoint", code(provider.token_url)),
        Fact("Authorization endpoint", code(provider.authorization_url)),
        Fact("Revocation endpoint", code(provider.revocation_url)),
        Fact("Metadata URL", code(provider.metadata_url)),
        Fact("Issuer", code(provider.issuer)),
        Fact("Redirect URI to register there", code(callback_address())),
    ]
    return Section("Endpoints", facts)


def _client(provider: OAuthProvider) -> Section:
    facts = [
        Fact("Client id", code(provider.client_id)),
        Fact("Client secret", f"stored encrypted; sent {provider.get_client_authentication_display()}"),
        Fact("Scopes", code(" ".join(provider.scopes))),
        Fact("Refresh tokens", provider.get_refresh_owner_display()),
        Fact("Synced every", spoken_interval(provider.interval_seconds)),
        Fact("Created", exact_moment(provider.created_at)),
        Fact("Changed", exact_moment(provider.updated_at)),
    ]
    if provider.misconfigured_at:
        facts.append(Fact("Refuses us since", exact_moment(provider.misconfigured_at)))
        facts.append(Fact("Tried again", exact_moment(provider.probe_at)))
    return Section("Client", facts)


def _progress(provider: OAuthProvider) -> Section:
    mine = OAuthGrant.objects.of(provider.partner_id, provider.environment)
    counts: dict[str, int] = dict(mine.order_by().values_list("state").annotate(Count("pk")))
    now = mine.aggregate(due=Count("pk", filter=Q(next_sync_at__lte=Now())), busy=Count("pk", filter=Q(lease_until__gt=Now())))
    facts = [Fact(state.label, thousands(counts[state])) for state in GrantState if counts.get(state)]
    facts += [Fact("Due now", thousands(now["due"])), Fact("Being synced", thousands(now["busy"]))]
    return Section("Grants", facts)


def _names(provider: OAuthProvider) -> Section:
    rows: list[list[str | SafeString]] = [[code(ours), code(theirs)] for ours, theirs in sorted(provider.field_names.items())]
    table = Table(["Our field", "There"], rows, empty="None: the provider uses our names.")
    return Section("Names of fields", table=table)
