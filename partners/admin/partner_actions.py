"""What staff do with partners: create, edit, contacts, origins, suspend, reactivate, and the emergency."""

from typing import Any, ClassVar, TypeVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.admin_actions import ConsoleAction, ReasonForm
from audit.admin_base import Button, ConsoleAdmin, Fact
from audit.admin_display import thousands
from core.principals import Actor, Environment
from partners.admin.key_actions import impact_facts
from partners.forms import ContactsForm, CreatePartnerForm, EditPartnerForm, OriginsForm, SlugConfirmForm
from partners.impact import impact_of_partner
from partners.models import ApiKey, Partner
from partners.services import partners
from partners.services.partners import Contact

F = TypeVar("F", bound=forms.Form)


class PartnerAction(ConsoleAction[F]):
    """An act on one partner."""

    row: Partner

    def heading(self) -> str:
        return f"{self.title} {self.row.name}"


class PartnerImpact(PartnerAction[F]):
    """An act that ends, or begins, what a partner's keys may do."""

    def facts(self) -> list[Fact]:
        unrevoked = ApiKey.objects.filter(partner=self.row).unrevoked()
        counts = {name: unrevoked.filter(environment=name).count() for name in Environment}
        keys = f"{thousands(counts[Environment.LIVE])} live, {thousands(counts[Environment.TEST])} test"
        return [Fact("Keys not revoked", keys), *impact_facts(impact_of_partner(self.row))]


class CreatePartner(ConsoleAction[CreatePartnerForm]):
    """A new, active partner."""

    name = "create"
    label = "New partner"
    title = "New partner"
    submit_label = "Create partner"
    permission = "partners.add_partner"
    is_on_row = False
    form_class = CreatePartnerForm

    def perform(self, form: CreatePartnerForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        partner = partners.create_partner(fields["name"], slug=fields["slug"] or None, actor=actor)
        return self.done(reverse("admin:partners_partner_change", args=[partner.pk]), f"{partner.name} was created.")


class EditPartner(PartnerAction[EditPartnerForm]):
    """Change a partner's name and limits."""

    name = "edit"
    label = "Edit"
    section = "Partner"
    title = "Edit"
    submit_label = "Save"
    permission = "partners.change_partner"
    form_class = EditPartnerForm

    def make_form(self, **kwargs: Any) -> EditPartnerForm:
        names = ("name", "setup_per_minute", "handshake_per_minute")
        return super().make_form(initial={name: getattr(self.row, name) for name in names}, **kwargs)

    def perform(self, form: EditPartnerForm, actor: Actor) -> HttpResponse:
        partner = partners.update_partner(self.row.pk, **form.cleaned_data, actor=actor)
        return self.done(self.back_url(), f"{partner.name} was saved.")


class EditContacts(PartnerAction[ContactsForm]):
    """Replace a partner's contacts."""

    name = "contacts"
    label = "Edit"
    section = "Contacts"
    title = "Contacts of"
    submit_label = "Save contacts"
    permission = "partners.change_partner"
    form_class = ContactsForm
    panel_name = "partners/contacts.html"

    def make_form(self, **kwargs: Any) -> ContactsForm:
        known = [Contact(each.name, each.email, each.role) for each in self.row.contacts.order_by("pk")]
        return super().make_form(contacts=known, **kwargs)

    def perform(self, form: ContactsForm, actor: Actor) -> HttpResponse:
        partners.set_contacts(self.row.pk, contacts=form.contacts(), actor=actor)
        return self.done(self.back_url(), "The contacts were saved.")


class EditOrigins(PartnerAction[OriginsForm]):
    """Replace the origins that may frame the embed page in one environment; a subclass for each."""

    environment: ClassVar[Environment]
    submit_label = "Save origins"
    permission = "partners.change_partner"
    form_class = OriginsForm

    def make_form(self, **kwargs: Any) -> OriginsForm:
        known = self.row.origins.filter(environment=self.environment).order_by("origin").values_list("origin", flat=True)
        return super().make_form(environment=self.environment, initial={"origins": "\n".join(known)}, **kwargs)

    def warnings(self) -> list[str]:
        return ["A page on an origin that is not listed cannot show the frame: its browser refuses it, from the next load on."]

    def perform(self, form: OriginsForm, actor: Actor) -> HttpResponse:
        origins = form.cleaned_data["origins"]
        partners.set_origins(self.row.pk, environment=self.environment, origins=origins, actor=actor)
        return self.done(self.back_url(), f"The {self.environment} origins were saved.")


class EditLiveOrigins(EditOrigins):
    name = "origins-live"
    label = "Edit"
    section = "Live origins"
    title = "Live origins of"
    environment = Environment.LIVE


class EditTestOrigins(EditOrigins):
    name = "origins-test"
    label = "Edit"
    section = "Test origins"
    title = "Test origins of"
    environment = Environment.TEST


class IssueKeyFor(PartnerAction[forms.Form]):
    """The door from a partner's page to the form that issues a key, with the partner filled in."""

    name = "issue-key"
    label = "Issue key"
    title = "Issue a key for"
    submit_label = "Issue key"
    has_page = False
    permission = "partners.issue_apikey"
    form_class = forms.Form

    @classmethod
    def button(cls, admin: ConsoleAdmin, request: HttpRequest, row: Any = None) -> Button:
        return Button(cls.label, f"{reverse('admin:partners_apikey_issue')}?partner={row.slug}", tone="primary")


class SuspendPartner(PartnerImpact[SlugConfirmForm]):
    """Refuse everything of a partner until it is reactivated."""

    name = "suspend"
    label = "Suspend"
    title = "Suspend"
    submit_label = "Suspend partner"
    permission = "partners.suspend_partner"
    tone = "danger"
    form_class = SlugConfirmForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Partner) -> bool:
        return row.is_active

    def make_form(self, **kwargs: Any) -> SlugConfirmForm:
        return super().make_form(partner=self.row, **kwargs)

    def warnings(self) -> list[str]:
        return [
            "From the next request on every key of this partner is answered 403, and every user is signed out.",
            "Reactivating lets the keys work again; users who were signed out sign in anew.",
        ]

    def perform(self, form: SlugConfirmForm, actor: Actor) -> HttpResponse:
        partners.suspend_partner(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{self.row.name} is suspended.")


class ReactivatePartner(PartnerAction[ReasonForm]):
    """Let a suspended partner in again."""

    name = "reactivate"
    label = "Reactivate"
    title = "Reactivate"
    submit_label = "Reactivate partner"
    permission = "partners.suspend_partner"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Partner) -> bool:
        return not row.is_active

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        partners.reactivate_partner(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{self.row.name} is active again.")


class EmergencyRevoke(PartnerImpact[SlugConfirmForm]):
    """End every key and session of a partner at once, for good."""

    name = "emergency"
    label = "Emergency"
    title = "Emergency: revoke everything of"
    submit_label = "Revoke everything now"
    permission = "partners.emergency_revoke_partner"
    tone = "danger"
    form_class = SlugConfirmForm

    def make_form(self, **kwargs: Any) -> SlugConfirmForm:
        return super().make_form(partner=self.row, **kwargs)

    def warnings(self) -> list[str]:
        return [
            "This cannot be undone. Every key below, live and test, is revoked as compromised, in one step.",
            "Every signed-in user of this partner is signed out, and no link handed out before works any more.",
            "The partner stays active: issue new keys as soon as its systems are safe.",
        ]

    def perform(self, form: SlugConfirmForm, actor: Actor) -> HttpResponse:
        ended = partners.emergency_revoke(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        count = len(ended.kids)
        return self.done(self.back_url(), f"{count} key{'' if count == 1 else 's'} revoked and every session ended.")
