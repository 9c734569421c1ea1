"""What staff do with an organization's grant: sync now, pause, let go on, disconnect, and links to connect by."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.admin_actions import ConsoleAction, ReasonForm, confirmation_field
from audit.admin_base import Fact
from audit.admin_display import code, exact_moment, thousands
from core.principals import Actor
from organizations.models import GrantState, OAuthGrant, OAuthProvider, Organization, SyncRun
from organizations.services.connect_links import create_connect_link
from organizations.services.grants import disconnect_organization
from organizations.services.sync_switches import pause_sync, request_sync, resume_sync, resume_sync_with_removals
from organizations.sync_reasons import SyncReason

_ASKED_FOR = frozenset(
    {GrantState.PENDING, GrantState.ACTIVE, GrantState.REFRESHING, GrantState.AMBIGUOUS, GrantState.CONFIG_ERROR}
)
_OPERATE = "organizations.operate_oauthgrant"


class DisconnectForm(ReasonForm):
    """Why, with the organization's id typed."""

    def __init__(self, *args: Any, external_id: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["confirm"] = confirmation_field(external_id, what="partner's id of the organization")


class SyncNow(ConsoleAction[forms.Form]):
    """Have an organization synced as soon as a worker is free."""

    name = "sync"
    label = "Sync now"
    title = "Sync now"
    submit_label = "Sync now"
    permission = _OPERATE
    form_class = forms.Form
    row: OAuthGrant

    @classmethod
    def is_offered(cls, request: HttpRequest, row: OAuthGrant) -> bool:
        return row.state in _ASKED_FOR

    def facts(self) -> list[Fact]:
        due = exact_moment(self.row.next_sync_at, empty="nothing is due")
        return [Fact("Last sync", exact_moment(self.row.synced_at, empty="never")), Fact("Next by itself", due)]

    def perform(self, form: forms.Form, actor: Actor) -> HttpResponse:
        request_sync(self.row.organization_id, actor=actor)
        return self.done(self.back_url(), "The organization is synced as soon as a worker is free.")


class PauseSync(ConsoleAction[ReasonForm]):
    """Stop syncing an organization until somebody lets it go on."""

    name = "pause"
    label = "Pause"
    title = "Pause the sync"
    submit_label = "Pause"
    permission = _OPERATE
    form_class = ReasonForm
    row: OAuthGrant

    @classmethod
    def is_offered(cls, request: HttpRequest, row: OAuthGrant) -> bool:
        return row.state in _ASKED_FOR

    def warnings(self) -> list[str]:
        return ["While it is paused, a user who is removed at the provider keeps their access here."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        pause_sync(self.row.organization_id, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The sync is paused.")


class ResumeSync(ConsoleAction[ReasonForm]):
    """Let a paused sync go on."""

    name = "resume"
    label = "Resume"
    title = "Resume the sync"
    submit_label = "Resume"
    permission = _OPERATE
    form_class = ReasonForm
    row: OAuthGrant

    @classmethod
    def is_offered(cls, request: HttpRequest, row: OAuthGrant) -> bool:
        return row.state == GrantState.PAUSED

    def warnings(self) -> list[str]:
        return ["If the provider still leaves out as many users as before, it is paused again and nobody is removed."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        resume_sync(self.row.organization_id, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The sync goes on.")


class ResumeWithRemovals(ConsoleAction[DisconnectForm]):
    """Let a paused sync go on and remove everybody whom the provider leaves out."""

    name = "resume-with-removals"
    label = "Resume and remove"
    title = "Resume, and remove whoever is left out"
    submit_label = "Resume and remove"
    permission = "organizations.disconnect_oauthgrant"
    tone = "danger"
    form_class = DisconnectForm
    row: OAuthGrant

    @classmethod
    def is_offered(cls, request: HttpRequest, row: OAuthGrant) -> bool:
        return row.state == GrantState.PAUSED and row.reason in (SyncReason.NO_USERS, SyncReason.MANY_REMOVED)

    def make_form(self, **kwargs: Any) -> DisconnectForm:
        return super().make_form(external_id=self.row.organization.external_id, **kwargs)

    def facts(self) -> list[Fact]:
        run = SyncRun.objects.filter(grant=self.row).order_by("-id").first()
        changes = run.changes if run else {}
        present, left_out = changes.get("users_present", 0), changes.get("users_left_out", 0)
        return [Fact("Users here", thousands(present)), Fact("Would be removed", thousands(left_out))]

    def warnings(self) -> list[str]:
        return ["The next sync removes as many users as the provider leaves out then, and signs them out at once."]

    def perform(self, form: DisconnectForm, actor: Actor) -> HttpResponse:
        resume_sync_with_removals(self.row.organization_id, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The sync goes on, and removes whoever is left out.")


class Disconnect(ConsoleAction[DisconnectForm]):
    """Give an organization's tokens up."""

    name = "disconnect"
    label = "Disconnect"
    title = "Disconnect the organization"
    submit_label = "Disconnect"
    permission = "organizations.disconnect_oauthgrant"
    tone = "danger"
    form_class = DisconnectForm
    row: OAuthGrant

    @classmethod
    def is_offered(cls, request: HttpRequest, row: OAuthGrant) -> bool:
        return row.state != GrantState.DISCONNECTED

    def make_form(self, **kwargs: Any) -> DisconnectForm:
        return super().make_form(external_id=self.row.organization.external_id, **kwargs)

    def warnings(self) -> list[str]:
        return [
            "This cannot be undone: its tokens are revoked at the provider where that takes them back, and erased here.",
            "The organization and its users stay as they are. To sync it again, somebody must connect it again.",
        ]

    def perform(self, form: DisconnectForm, actor: Actor) -> HttpResponse:
        disconnect_organization(self.row.organization_id, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The organization is disconnected.")


class MakeConnectLink(ConsoleAction[forms.Form]):
    """A link by which a person connects an organization; it stands on the organization's page too."""

    name = "connect"
    label = "Connect link"
    title = "A link to connect"
    submit_label = "Make the link"
    permission = _OPERATE
    form_class = forms.Form

    section = "Sync"
    row: OAuthGrant | Organization

    @classmethod
    def is_offered(cls, request: HttpRequest, row: OAuthGrant | Organization) -> bool:
        mine = OAuthProvider.objects.of(row.partner_id, row.environment)
        return mine.exclude(authorization_url="").exists()

    def facts(self) -> list[Fact]:
        organization = self.organization()
        return [Fact("Organization", organization.name), Fact("Partner's id", code(organization.external_id))]

    def warnings(self) -> list[str]:
        return ["Whoever opens the link within an hour and signs in at the provider decides which tokens are stored here."]

    def organization(self) -> Organization:
        """The organization the page is about."""
        return self.row if isinstance(self.row, Organization) else self.row.organization

    def perform(self, form: forms.Form, actor: Actor) -> HttpResponse:
        link = create_connect_link(self.organization(), actor=actor)
        done_url = reverse(f"admin:{self.admin.url_name('change')}", args=[self.row.pk])
        return self.show("organizations/connect_link.html", {"link": link, "done_url": done_url})
