"""Organizations and their users, to look at; partners change them through the setup calls."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.admin_base import Button, ConsoleAdmin, Dossier, Fact, Section, Table, allows
from audit.admin_display import NOTHING, badge, code, environment_tag, exact_moment, link, moment
from audit.admin_filters import EnvironmentFilter, PickedFilter, as_uuid
from audit.models import Event
from organizations.admin.grant_actions import MakeConnectLink
from organizations.admin.grants import grant_badge
from organizations.models import Address, OAuthGrant, Organization, Profile
from partners.admin.filters import PartnerFilter

PROFILES_SHOWN = 25


class OrganizationFilter(PickedFilter):
    """The users of one organization; its page links to it."""

    title = "organization"
    parameter_name = "organization"
    field = "organization_id"

    def describe(self, value: str) -> str:
        return "one organization"


@admin.register(Organization)
class OrganizationAdmin(ConsoleAdmin):
    list_display = ("name", "environment_tag", "partner_link", "external", "created", "updated")
    list_filter = (EnvironmentFilter, PartnerFilter)
    list_select_related = ("partner",)
    search_fields = ("external_id",)
    search_help_text = "Name, the partner's id for it, or our id"
    ordering = ("-created_at",)
    console_actions: ClassVar = (MakeConnectLink,)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        return _search(queryset, search_term, Q(name__icontains=search_term)), False

    @admin.display(description="Env.")
    def environment_tag(self, organization: Organization) -> SafeString:
        return environment_tag(organization.environment)

    @admin.display(description="Partner")
    def partner_link(self, organization: Organization) -> SafeString:
        return link(organization.partner.name, "partners_partner_change", organization.partner_id)

    @admin.display(description="Partner's id")
    def external(self, organization: Organization) -> SafeString:
        return code(organization.external_id)

    @admin.display(description="Created", ordering="created_at")
    def created(self, organization: Organization) -> SafeString:
        return moment(organization.created_at)

    @admin.display(description="Changed", ordering="updated_at")
    def updated(self, organization: Organization) -> SafeString:
        return moment(organization.updated_at)

    def dossier(self, request: HttpRequest, row: Organization) -> Dossier:
        sections = [_organization_facts(row), _addresses(row.addresses.filter(profile=None))]
        if allows(request, "organizations.view_oauthgrant"):
            sections.append(_sync(row))
        if allows(request, "organizations.view_profile"):
            sections.append(_profiles(row))
        tags = [environment_tag(row.environment), code(row.external_id)]
        about = Event.objects.about("organization", str(row.pk)).newest_first()
        return Dossier(row.name, tags, sections, environment=row.environment, ledger=about, ledger_url=f"?subject={row.pk}")


@admin.register(Profile)
class ProfileAdmin(ConsoleAdmin):
    list_display = ("person", "email", "state", "environment_tag", "organization_link", "partner_link", "external", "created")
    list_filter = (EnvironmentFilter, PartnerFilter, OrganizationFilter)
    list_select_related = ("partner", "organization")
    search_fields = ("external_id",)
    search_help_text = "E-mail, the partner's id for the user, or our id"
    ordering = ("-created_at",)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        by_email = queryset.alias(lower_email=Lower("email"))
        return _search(by_email, search_term, Q(lower_email=search_term.strip().lower())), False

    @admin.display(description="User", ordering="last_name")
    def person(self, profile: Profile) -> str:
        return _full_name(profile)

    @admin.display(description="State")
    def state(self, profile: Profile) -> SafeString:
        return _state(profile)

    @admin.display(description="Env.")
    def environment_tag(self, profile: Profile) -> SafeString:
        return environment_tag(profile.environment)

    @admin.display(description="Organization")
    def organization_link(self, profile: Profile) -> SafeString:
        return link(profile.organization.name, "organizations_organization_change", profile.organization_id)

    @admin.display(description="Partner")
    def partner_link(self, profile: Profile) -> SafeString:
        return link(profile.partner.name, "partners_partner_change", profile.partner_id)

    @admin.display(description="Partner's id")
    def external(self, profile: Profile) -> SafeString:
        return code(profile.external_id)

    @admin.display(description="Created", ordering="created_at")
    def created(self, profile: Profile) -> SafeString:
        return moment(profile.created_at)

    def dossier(self, request: HttpRequest, row: Profile) -> Dossier:
        facts = [
            Fact("E-mail", row.email),
            Fact("Phone", row.phone or NOTHING),
            Fact("Role", row.get_role_display()),
            Fact("Organization", link(row.organization.name, "organizations_organization_change", row.organization_id)),
            Fact("Partner", link(row.partner.name, "partners_partner_change", row.partner_id)),
            Fact("Partner's id", code(row.external_id)),
            Fact("Our id", code(row.pk)),
            Fact("Created", exact_moment(row.created_at)),
            Fact("Changed", exact_moment(row.updated_at)),
        ]
        sections = [Section("User", facts), _addresses(row.addresses.all())]
        tags = [_state(row), environment_tag(row.environment)]
        about = Event.objects.about("profile", str(row.pk)).newest_first()
        title = _full_name(row)
        return Dossier(title, tags, sections, environment=row.environment, ledger=about, ledger_url=f"?subject={row.pk}")


def _search(queryset: QuerySet[Any], text: str, otherwise: Q) -> QuerySet[Any]:
    term = text.strip()
    if not term:
        return queryset
    wanted = as_uuid(term)
    by_id = queryset.filter(Q(external_id=term) | Q(pk=wanted) if wanted else Q(external_id=term))
    return by_id if by_id.exists() else queryset.filter(otherwise)


def _full_name(profile: Profile) -> str:
    return f"{profile.first_name} {profile.last_name}".strip() or profile.email


def _state(profile: Profile) -> SafeString:
    return badge("Removed", tone="bad") if profile.removed_at else badge("Present", tone="ok")


def _organization_facts(organization: Organization) -> Section:
    facts = [
        Fact("Name", organization.name),
        Fact("Partner", link(organization.partner.name, "partners_partner_change", organization.partner_id)),
        Fact("Partner's id", code(organization.external_id)),
        Fact("Our id", code(organization.pk)),
        Fact("E-mail", organization.email or NOTHING),
        Fact("Phone", organization.phone or NOTHING),
        Fact("Created", exact_moment(organization.created_at)),
        Fact("Changed", exact_moment(organization.updated_at)),
    ]
    return Section("Organization", facts)


def _sync(organization: Organization) -> Section:
    grant = OAuthGrant.objects.filter(organization=organization).defer("access_sealed").first()
    if grant is None:
        return Section("Sync", note="Not connected to a provider.")
    facts = [
        Fact("State", link(grant_badge(grant), "organizations_oauthgrant_change", grant.pk)),
        Fact("Last sync", exact_moment(grant.synced_at, empty="never")),
        Fact("Next", exact_moment(grant.next_sync_at, empty="nothing is due")),
    ]
    return Section("Sync", facts)


def _addresses(addresses: QuerySet[Address]) -> Section:
    rows: list[list[str | SafeString]] = [[each.get_kind_display(), _one_line(each)] for each in addresses.order_by("pk")[:50]]
    return Section("Addresses", table=Table(["Kind", "Address"], rows, empty="None."))


def _one_line(address: Address) -> str:
    parts = [address.line1, address.line2, address.city, f"{address.province} {address.postal_code}", address.country]
    return ", ".join(part for part in parts if part.strip())


def _profiles(organization: Organization) -> Section:
    total = organization.profiles.aggregate(n=Count("pk"))["n"]
    rows: list[list[str | SafeString]] = [
        [
            link(_full_name(each), "organizations_profile_change", each.pk),
            each.email,
            each.get_role_display(),
            code(each.external_id),
            _state(each),
            moment(each.created_at),
        ]
        for each in organization.profiles.order_by("last_name", "first_name")[:PROFILES_SHOWN]
    ]
    columns = ["User", "E-mail", "Role", "Partner's id", "State", "Created"]
    url = f"{reverse('admin:organizations_profile_changelist')}?organization={organization.pk}"
    return Section(
        "Users", table=Table(columns, rows, empty="No users yet."), is_wide=True, more=Button(f"All {total} users", url)
    )
