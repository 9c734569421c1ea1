"""The sessions of customers who signed in: the list, the page of one, and revoking it."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction, ReasonForm
from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section
from audit.admin_display import badge, clipped, code, environment_tag, exact_moment, link, moment
from audit.admin_filters import EnvironmentFilter
from audit.models import Event
from core.principals import Actor
from partners.admin.filters import PartnerFilter
from surfaces.models import LoginSession
from surfaces.services.login_sessions import revoke_login


class RevokeLogin(ConsoleAction[ReasonForm]):
    """End one session."""

    name = "revoke"
    label = "Revoke"
    title = "Revoke this session"
    submit_label = "Revoke session"
    permission = "surfaces.revoke_loginsession"
    tone = "danger"
    form_class = ReasonForm
    row: LoginSession

    @classmethod
    def is_offered(cls, request: HttpRequest, row: LoginSession) -> bool:
        return row.ended_at is None and row.expires_at > timezone.now()

    def warnings(self) -> list[str]:
        return ["Its tokens are refused from the next request on. The customer may sign in again."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        revoke_login(self.row, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The session has ended.")


@admin.register(LoginSession)
class LoginSessionAdmin(ConsoleAdmin):
    list_display = ("session", "session_state", "environment_tag", "tenant", "origin", "began", "ends")
    list_filter = (EnvironmentFilter, PartnerFilter)
    list_select_related = ("partner",)
    search_fields = ("profile__email",)
    search_help_text = "E-mail address of the user"
    ordering = ("-created_at",)
    console_actions: ClassVar = (RevokeLogin,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("handle_digest")

    @admin.display(description="Session")
    def session(self, row: LoginSession) -> SafeString:
        return code(str(row.pk)[:8])

    @admin.display(description="State")
    def session_state(self, row: LoginSession) -> SafeString:
        return session_state(row)

    @admin.display(description="Env.")
    def environment_tag(self, row: LoginSession) -> SafeString:
        return environment_tag(row.environment)

    @admin.display(description="Partner")
    def tenant(self, row: LoginSession) -> SafeString:
        return link(clipped(row.partner.name), "partners_partner_change", row.partner_id)

    @admin.display(description="Began", ordering="created_at")
    def began(self, row: LoginSession) -> SafeString:
        return moment(row.created_at)

    @admin.display(description="Ends", ordering="expires_at")
    def ends(self, row: LoginSession) -> SafeString:
        return moment(row.expires_at)

    def dossier(self, request: HttpRequest, row: LoginSession) -> Dossier:
        facts = [
            Fact("User", link(str(row.profile_id), "organizations_profile_change", row.profile_id)),
            Fact("Partner", link(row.partner.name, "partners_partner_change", row.partner_id)),
            Fact("Opened by", row.get_origin_display()),
            Fact("Began", exact_moment(row.created_at)),
            Fact("Refreshed", f"{row.generation} times" if row.generation else "never"),
            Fact("Ends without a refresh", exact_moment(row.idle_expires_at)),
            Fact("Ends in any case", exact_moment(row.expires_at)),
        ]
        if row.ended_at:
            facts += [Fact("Ended", exact_moment(row.ended_at)), Fact("Why", row.get_end_reason_display())]
        return Dossier(
            title=str(row.pk),
            tags=[session_state(row), environment_tag(row.environment)],
            sections=[Section("Session", facts, is_wide=True)],
            environment=row.environment,
            ledger=Event.objects.about("login", str(row.pk)).newest_first(),
            ledger_url=f"?subject={row.pk}",
        )


def session_state(row: LoginSession) -> SafeString:
    """What a session is now, by this machine's clock; what its user or partner may no longer do, each use decides."""
    if row.ended_at:
        return badge("Ended", title=row.get_end_reason_display())
    return badge("Over") if row.idle_expires_at <= timezone.now() else badge("Open", tone="ok")
