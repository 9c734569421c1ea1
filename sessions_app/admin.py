"""Session tokens and embed sessions, to look at and to revoke; never a token or a handle, only what became of it."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.admin_actions import ConsoleAction, ReasonForm
from audit.admin_base import ConsoleAdmin, Dossier, Fact, Section
from audit.admin_display import NOTHING, badge, code, environment_tag, exact_moment, link, moment
from audit.admin_filters import ChoiceFilter, EnvironmentFilter, as_uuid
from audit.models import Event
from core.principals import Actor
from partners.admin.filters import PartnerFilter
from partners.impact import OpenSessions, on_count_sessions
from sessions_app.models import EmbedSession, SessionToken
from sessions_app.services.revoke import revoke_session

_TONES: Final = {"waiting": "info", "open": "ok", "redeemed": "ok", "revoked": "bad", "replayed": "bad"}
_RELATED: Final = ("partner", "profile", "profile__organization", "key")


def token_state(token: SessionToken) -> str:
    """What became of a token, in one word."""
    if token.revoked_at or _is_cut_off(token):
        return "revoked"
    if token.superseded_at:
        return "superseded"
    if token.redeemed_at:
        return "redeemed"
    return "expired" if token.expires_at <= timezone.now() else "waiting"


def session_state(session: EmbedSession) -> str:
    """Whether somebody is still signed in, and if not, why, in few words."""
    if session.ended_at:
        return session.get_end_reason_display().lower()
    if _is_cut_off(session):
        return "revoked"
    return "ran out" if session.idle_expires_at <= timezone.now() else "open"


def _is_cut_off(row: SessionToken | EmbedSession) -> bool:
    """Tell whether what the row came out of has been revoked: its partner, its user or its key."""
    partner, profile, key = row.partner, row.profile, row.key
    is_partner_closed = not partner.is_active or partner.auth_epoch != row.partner_epoch
    is_user_closed = profile.removed_at is not None or profile.auth_epoch != row.profile_epoch
    return is_partner_closed or is_user_closed or key.revoked_at is not None


def state_badge(state: str) -> SafeString:
    """A state in its colour."""
    return badge(state, tone=_TONES.get(state, "plain"))


class TokenStateFilter(ChoiceFilter):
    """What became of the token, as far as its own row tells."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("waiting", "Waiting"), ("redeemed", "Redeemed"), ("expired", "Expired unused"), ("revoked", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now, unused = timezone.now(), Q(redeemed_at=None, revoked_at=None, superseded_at=None)
        questions = {
            "waiting": unused & Q(expires_at__gt=now),
            "expired": unused & Q(expires_at__lte=now),
            "redeemed": Q(redeemed_at__isnull=False),
            "revoked": Q(revoked_at__isnull=False),
        }
        value = self.value()
        return queryset.filter(questions[value]) if value in questions else queryset


class SessionStateFilter(ChoiceFilter):
    """Signed in or not, as far as the session's own row tells."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("open", "Open"), ("over", "Over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_open = Q(ended_at=None, idle_expires_at__gt=timezone.now())
        if self.value() == "open":
            return queryset.filter(is_open)
        return queryset.exclude(is_open) if self.value() == "over" else queryset


class RevokeSession(ConsoleAction[ReasonForm]):
    """End one session: its link, and the frame signed in through it."""

    name = "revoke"
    label = "Revoke"
    title = "Revoke session"
    submit_label = "Revoke session"
    permission = "sessions_app.revoke_sessiontoken"
    tone = "danger"
    form_class = ReasonForm
    row: SessionToken | EmbedSession

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Any) -> bool:
        token = _token_of(row)
        return token is not None and token.revoked_at is None

    def warnings(self) -> list[str]:
        return ["The link stops working and the user is signed out with the next request. This cannot be undone."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        token = _token_of(self.row)
        if token is not None:
            revoke_session(token, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The session is revoked.")


class SessionRowAdmin(ConsoleAdmin):
    """What the lists of tokens and of embed sessions have in common."""

    list_select_related = _RELATED
    search_fields = ("pk",)
    search_help_text = "Session id, kid or the partner's id for the user"
    ordering = ("-created_at",)
    console_actions: ClassVar = (RevokeSession,)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        wanted = as_uuid(term)
        if wanted:
            return queryset.filter(self.id_question(wanted) | Q(profile_id=wanted)), False
        return (queryset.filter(Q(key__kid=term) | Q(profile__external_id=term)) if term else queryset), False

    def id_question(self, session_id: UUID) -> Q:
        """How a session id is found in this table."""
        return Q(pk=session_id)

    @admin.display(description="Env.")
    def environment_tag(self, row: Any) -> SafeString:
        return environment_tag(row.environment)

    @admin.display(description="Partner")
    def partner_link(self, row: Any) -> SafeString:
        return link(row.partner.name, "partners_partner_change", row.partner_id)

    @admin.display(description="User")
    def user(self, row: Any) -> SafeString:
        return link(_user_name(row), "organizations_profile_change", row.profile_id)

    @admin.display(description="Key")
    def key_link(self, row: Any) -> SafeString:
        return link(code(row.key.kid), "partners_apikey_change", row.key.kid)

    @admin.display(description="Made", ordering="created_at")
    def made(self, row: Any) -> SafeString:
        return moment(row.created_at)


@admin.register(SessionToken)
class SessionTokenAdmin(SessionRowAdmin):
    list_display = ("session_id", "state", "environment_tag", "partner_link", "user", "key_link", "made", "expires")
    list_filter = (TokenStateFilter, EnvironmentFilter, PartnerFilter)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("digest", "redeem_digest")

    @admin.display(description="Session")
    def session_id(self, token: SessionToken) -> SafeString:
        return code(str(token.pk)[:8])

    @admin.display(description="State")
    def state(self, token: SessionToken) -> SafeString:
        return state_badge(token_state(token))

    @admin.display(description="Link good until", ordering="expires_at")
    def expires(self, token: SessionToken) -> SafeString:
        return moment(token.expires_at)

    def dossier(self, request: HttpRequest, row: SessionToken) -> Dossier:
        session = EmbedSession.objects.filter(session_token_id=row.pk).first()
        signed_in = link(code(session.pk), "sessions_app_embedsession_change", session.pk) if session else NOTHING
        facts = [
            *_common_facts(row),
            Fact("Session id", code(row.pk)),
            Fact("Made", exact_moment(row.created_at)),
            Fact("Link good until", exact_moment(row.expires_at)),
            Fact("Redeemed", exact_moment(row.redeemed_at, empty="not yet")),
            Fact("Signed-in frame", signed_in),
        ]
        facts += [
            Fact(label, exact_moment(at)) for label, at in (("Revoked", row.revoked_at), ("Replaced", row.superseded_at)) if at
        ]
        return _session_dossier(row, row.pk, token_state(row), [Section("Session token", facts, is_wide=True)])


@admin.register(EmbedSession)
class EmbedSessionAdmin(SessionRowAdmin):
    list_display = ("session_id", "state", "environment_tag", "partner_link", "user", "key_link", "made", "last_seen", "ends")
    list_filter = (SessionStateFilter, EnvironmentFilter, PartnerFilter)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("handle_digest")

    def id_question(self, session_id: UUID) -> Q:
        return Q(pk=session_id) | Q(session_token_id=session_id)

    @admin.display(description="Session")
    def session_id(self, session: EmbedSession) -> SafeString:
        return code(str(session.pk)[:8])

    @admin.display(description="State")
    def state(self, session: EmbedSession) -> SafeString:
        return state_badge(session_state(session))

    @admin.display(description="Last seen", ordering="last_seen_at")
    def last_seen(self, session: EmbedSession) -> SafeString:
        return moment(session.last_seen_at)

    @admin.display(description="Ends", ordering="expires_at")
    def ends(self, session: EmbedSession) -> SafeString:
        return moment(session.ended_at or session.idle_expires_at)

    def dossier(self, request: HttpRequest, row: EmbedSession) -> Dossier:
        token_id = row.session_token_id
        facts = [
            *_common_facts(row),
            Fact("Session token", link(code(token_id), "sessions_app_sessiontoken_change", token_id)),
            Fact("Signed in", exact_moment(row.created_at)),
            Fact("Last seen", exact_moment(row.last_seen_at)),
            Fact("Ends if idle", exact_moment(row.idle_expires_at)),
            Fact("Ends at the latest", exact_moment(row.expires_at)),
            Fact("Refreshed", f"{row.generation} times"),
        ]
        if row.ended_at:
            facts.append(Fact("Ended", exact_moment(row.ended_at)))
        return _session_dossier(row, token_id, session_state(row), [Section("Embed session", facts, is_wide=True)])


def count_open_sessions(partner_id: UUID, key_id: int | None) -> OpenSessions:
    """Count what would end with a partner, or with one of its keys."""
    now = timezone.now()
    mine = Q(partner_id=partner_id, partner_epoch=F("partner__auth_epoch"), profile_epoch=F("profile__auth_epoch"))
    mine &= Q(key_id=key_id) if key_id is not None else Q(key__revoked_at=None)
    unused = Q(redeemed_at=None, revoked_at=None, superseded_at=None, expires_at__gt=now)
    return OpenSessions(
        waiting=SessionToken.objects.filter(mine & unused).count(),
        signed_in=EmbedSession.objects.filter(mine, ended_at=None, idle_expires_at__gt=now).count(),
    )


on_count_sessions(count_open_sessions)


def _token_of(row: SessionToken | EmbedSession) -> SessionToken | None:
    if isinstance(row, SessionToken):
        return row
    return SessionToken.objects.filter(pk=row.session_token_id).first()


def _user_name(row: SessionToken | EmbedSession) -> str:
    return f"{row.profile.first_name} {row.profile.last_name}".strip() or str(row.profile_id)[:8]


def _common_facts(row: SessionToken | EmbedSession) -> list[Fact]:
    organization = row.profile.organization
    return [
        Fact("User", link(_user_name(row), "organizations_profile_change", row.profile_id)),
        Fact("Organization", link(organization.name, "organizations_organization_change", organization.pk)),
        Fact("Partner", link(row.partner.name, "partners_partner_change", row.partner_id)),
        Fact("Made by key", link(code(row.key.kid), "partners_apikey_change", row.key.kid)),
    ]


def _session_dossier(row: SessionToken | EmbedSession, subject: UUID, state: str, sections: list[Section]) -> Dossier:
    tags = [state_badge(state), environment_tag(row.environment)]
    about = Event.objects.about("session", str(subject)).newest_first()
    title = f"Session {str(row.pk)[:8]}"
    return Dossier(title, tags, sections, environment=row.environment, ledger=about, ledger_url=f"?subject={subject}")
