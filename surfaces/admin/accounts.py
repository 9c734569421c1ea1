"""The lists and pages of resellers' accounts and clients, and of customers' accounts."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section, Table
from audit.admin_display import badge, badges, clipped, code, environment_tag, exact_moment, link, moment, stacked
from audit.admin_filters import ChoiceFilter, EnvironmentFilter
from audit.models import Event
from partners.admin.filters import PartnerFilter
from partners.scopes import MEANINGS, Scope
from surfaces.admin import account_actions as acts
from surfaces.admin import client_actions
from surfaces.admin.logins import session_state
from surfaces.models import CustomerAccount, LoginPolicy, ResellerAccount, ResellerClient


class EnabledFilter(ChoiceFilter):
    """May have tokens or not."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("enabled", "Enabled"), ("disabled", "Disabled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(disabled_at__isnull=self.value() == "enabled") if self.value() else queryset


class AccountAdmin(ConsoleAdmin):
    """What the three kinds have in common."""

    list_filter = (EnabledFilter, EnvironmentFilter, PartnerFilter)
    list_select_related = ("partner",)
    search_fields = ("pk",)
    ordering = ("-created_at",)
    subject_type = ""

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        matching = getattr(queryset, "matching", None)
        return (matching(search_term.strip()) if matching and search_term.strip() else queryset), False

    @admin.display(description="Partner")
    def tenant(self, row: Any) -> SafeString:
        return link(clipped(row.partner.name), "partners_partner_change", row.partner_id)

    @admin.display(description="Env.")
    def environment_tag(self, row: Any) -> SafeString:
        return environment_tag(row.environment)

    @admin.display(description="State")
    def state(self, row: Any) -> SafeString:
        return state_badge(row)

    @admin.display(description="Scopes")
    def scope_list(self, row: Any) -> SafeString:
        return badges(code(scope) for scope in row.scopes)

    @admin.display(description="Created", ordering="created_at")
    def created(self, row: Any) -> SafeString:
        return moment(row.created_at)

    def page(self, row: Any, *sections: Section) -> Dossier:
        """The page of one account, with its ledger."""
        subject = row.client_id if isinstance(row, ResellerClient) else str(row.pk)
        return Dossier(
            title=acts.name_of(row),
            tags=[state_badge(row), environment_tag(row.environment)],
            sections=list(sections),
            environment=row.environment,
            ledger=Event.objects.about(self.subject_type, subject).newest_first(),
            ledger_url=f"?subject={subject}",
        )


@admin.register(ResellerAccount)
class ResellerAccountAdmin(AccountAdmin):
    list_display = ("email_and_name", "state", "environment_tag", "tenant", "scope_list", "password_age", "created")
    search_help_text = "E-mail address or partner"
    subject_type = "reseller"
    console_actions: ClassVar = (
        acts.CreateReseller,
        acts.EditReseller,
        acts.SetResellerPassword,
        acts.DisableReseller,
        acts.EnableReseller,
        acts.RevokeResellerTokens,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("password")

    @admin.display(description="Account", ordering="email")
    def email_and_name(self, row: ResellerAccount) -> SafeString:
        return stacked(clipped(row.email), clipped(row.name))

    @admin.display(description="Password set", ordering="password_set_at")
    def password_age(self, row: ResellerAccount) -> SafeString:
        return moment(row.password_set_at, empty="never")

    def dossier(self, request: HttpRequest, row: ResellerAccount) -> Dossier:
        facts = [
            Fact("E-mail address", row.email),
            Fact("Name", row.name or "-"),
            Fact("Partner", link(row.partner.name, "partners_partner_change", row.partner_id)),
            Fact("May use the API", "Yes" if row.is_api_enabled else badge("No", tone="bad")),
            *_life(row),
        ]
        return self.page(row, Section("Account", facts), _scopes(row.scopes))


@admin.register(ResellerClient)
class ResellerClientAdmin(AccountAdmin):
    list_display = ("client", "state", "environment_tag", "tenant", "scope_list", "created")
    search_help_text = "Client id, name or partner"
    subject_type = "client"
    console_actions: ClassVar = (
        client_actions.CreateClient,
        client_actions.EditClient,
        client_actions.RotateSecret,
        client_actions.RevokeSecret,
        acts.DisableReseller,
        acts.EnableReseller,
        acts.RevokeResellerTokens,
    )

    @admin.display(description="Client", ordering="client_id")
    def client(self, row: ResellerClient) -> SafeString:
        return stacked(code(row.client_id), clipped(row.name))

    def dossier(self, request: HttpRequest, row: ResellerClient) -> Dossier:
        facts = [
            Fact("Client id", code(row.client_id)),
            Fact("Name", row.name),
            Fact("Partner", link(row.partner.name, "partners_partner_change", row.partner_id)),
            *_life(row),
        ]
        now = timezone.now()
        rows: list[list[str | SafeString]] = [
            [str(each.pk), moment(each.created_at), moment(each.expires_at, empty="never"), _secret_state(each, now)]
            for each in row.secrets.order_by("-pk")[:10]
        ]
        secrets = Section("Secrets", table=Table(["Number", "Made", "Ends", "State"], rows))
        return self.page(row, Section("Client", facts), secrets, _scopes(row.scopes))


@admin.register(CustomerAccount)
class CustomerAccountAdmin(AccountAdmin):
    list_display = ("email_text", "state", "environment_tag", "tenant", "password_age", "created")
    search_help_text = "E-mail address or partner"
    subject_type = "customer"
    console_actions: ClassVar = (
        acts.CreateCustomer,
        acts.AllowPasswords,
        acts.SetCustomerPassword,
        acts.DisableCustomer,
        acts.EnableCustomer,
        acts.RevokeCustomerTokens,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("password")

    @admin.display(description="Account", ordering="email")
    def email_text(self, row: CustomerAccount) -> SafeString:
        return clipped(row.email)

    @admin.display(description="Password set", ordering="password_set_at")
    def password_age(self, row: CustomerAccount) -> SafeString:
        return moment(row.password_set_at, empty="never")

    def dossier(self, request: HttpRequest, row: CustomerAccount) -> Dossier:
        policy = LoginPolicy.objects.filter(partner=row.partner_id, environment=row.environment).first()
        is_allowed = policy is not None and policy.allows_customer_passwords
        facts = [
            Fact("E-mail address", row.email),
            Fact("User", link(str(row.profile_id), "organizations_profile_change", row.profile_id)),
            Fact("Partner", link(row.partner.name, "partners_partner_change", row.partner_id)),
            Fact("Password logins of the shop", "Allowed" if is_allowed else badge("Not allowed", tone="bad")),
            *_life(row),
        ]
        rows: list[list[str | SafeString]] = [
            [link(code(each.pk), "surfaces_loginsession_change", each.pk), moment(each.created_at), session_state(each)]
            for each in row.sessions.order_by("-created_at")[:10]
        ]
        sessions = Section("Sessions", table=Table(["Session", "Began", "State"], rows, empty="Never signed in."), is_wide=True)
        return self.page(row, Section("Account", facts), sessions)


def state_badge(row: Any) -> SafeString:
    """Whether an account may have tokens."""
    return badge("Enabled", tone="ok") if row.is_enabled else badge("Disabled", tone="bad")


def _secret_state(secret: Any, now: Any) -> SafeString:
    if secret.revoked_at:
        return badge("Revoked", tone="bad")
    if secret.expires_at is None:
        return badge("Good", tone="ok")
    return badge("Over") if secret.expires_at <= now else badge("In overlap", tone="warn")


def _life(row: Any) -> list[Fact]:
    facts = [Fact("Created", exact_moment(row.created_at)), Fact("Created by", row.created_by or "-")]
    if not isinstance(row, ResellerClient):
        facts.append(Fact("Password set", exact_moment(row.password_set_at, empty="never")))
    return [*facts, Fact("Disabled", exact_moment(row.disabled_at))] if row.disabled_at else facts


def _scopes(scopes: list[Scope]) -> Section:
    rows: list[list[str | SafeString]] = [[code(scope), MEANINGS[scope]] for scope in scopes]
    return Section("Scopes", table=Table(["Scope", "Lets its tokens"], rows, empty="None: they may only ask who they are."))
