"""What staff do with player issuers: register, edit, keys, key sets, switch off and on, and see what is wrong with a token."""

from typing import Any, TypeVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.admin_actions import ConsoleAction, ReasonForm
from audit.admin_base import Fact, Table
from audit.admin_display import badge, code
from core.principals import Actor
from surfaces.models.players import KeySource, PlayerIssuer
from surfaces.player_forms import AddKeyForm, EditIssuerForm, KidForm, RegisterIssuerForm, RetireKeyForm, TokenForm
from surfaces.players.checks import Finding
from surfaces.players.doctor import diagnose
from surfaces.players.jwks import Went
from surfaces.services import player_issuers, player_keys

F = TypeVar("F", bound=forms.Form)
MANAGE = "surfaces.manage_playerissuer"
STOP = "surfaces.stop_playerissuer"


class RegisterIssuer(ConsoleAction[RegisterIssuerForm]):
    """A new issuer with its first key."""

    name = "register"
    label = "Register issuer"
    title = "Register an issuer of player tokens"
    submit_label = "Register issuer"
    permission = MANAGE
    is_on_row = False
    form_class = RegisterIssuerForm

    def make_form(self, **kwargs: Any) -> RegisterIssuerForm:
        asked = {name: self.request.GET[name] for name in ("partner", "environment") if name in self.request.GET}
        return super().make_form(initial=asked, **kwargs)

    def perform(self, form: RegisterIssuerForm, actor: Actor) -> HttpResponse:
        issuer = player_issuers.register_issuer(
            form.cleaned_data["partner"].pk,
            identity=form.identity(),
            policy=form.policy(),
            key=form.new_key(),
            actor=actor,
        )
        url = reverse(f"admin:{self.admin.url_name('change')}", args=[issuer.pk])
        return self.done(url, f"{issuer.name} was registered.")


class IssuerAction(ConsoleAction[F]):
    """An act on one issuer."""

    row: PlayerIssuer

    def heading(self) -> str:
        return f"{self.title} {self.row.name}"


class OfIssuer(IssuerAction[F]):
    """An act whose form depends on the issuer."""

    def make_form(self, **kwargs: Any) -> F:
        return super().make_form(issuer=self.row, **kwargs)


class EditIssuer(OfIssuer[EditIssuerForm]):
    """Change what the tokens must look like."""

    name = "edit"
    label = "Edit"
    section = "Tokens"
    title = "Edit"
    submit_label = "Save"
    permission = MANAGE
    form_class = EditIssuerForm

    def warnings(self) -> list[str]:
        return ["A token that no longer fits is refused from the next request on."]

    def perform(self, form: EditIssuerForm, actor: Actor) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        issuer = player_issuers.update_issuer(self.row.pk, policy=form.policy(), reason=reason, actor=actor)
        return self.done(self.back_url(), f"{issuer.name} was saved.")


class AddKey(OfIssuer[AddKeyForm]):
    """One more key beside those the issuer has."""

    name = "add-key"
    label = "Add key"
    section = "Keys"
    title = "Add a key to"
    submit_label = "Add key"
    permission = MANAGE
    form_class = AddKeyForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: PlayerIssuer) -> bool:
        return row.key_source != KeySource.JWKS

    def perform(self, form: AddKeyForm, actor: Actor) -> HttpResponse:
        key = form.new_key()
        if key is None:
            return self.ask(form)
        player_keys.add_key(self.row.pk, key=key, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The key was added. The others stay valid until they are retired.")


class RetireKey(OfIssuer[RetireKeyForm]):
    """End one key."""

    name = "retire-key"
    label = "Retire key"
    section = "Keys"
    title = "Retire a key of"
    submit_label = "Retire key"
    permission = STOP
    tone = "danger"
    form_class = RetireKeyForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: PlayerIssuer) -> bool:
        return row.key_source != KeySource.JWKS and row.keys.filter(retired_at=None).exists()

    def warnings(self) -> list[str]:
        return ["What it signed is refused from the next request on. A retired key does not come back."]

    def perform(self, form: RetireKeyForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        player_keys.retire_key(self.row.pk, key_id=fields["key"].pk, reason=fields["reason"], actor=actor)
        return self.done(self.back_url(), "The key was retired.")


class KeySetAction(IssuerAction[F]):
    """An act on an issuer whose keys come from a URL."""

    section = "Key set"

    @classmethod
    def is_offered(cls, request: HttpRequest, row: PlayerIssuer) -> bool:
        return row.key_source == KeySource.JWKS


class FetchNow(KeySetAction[forms.Form]):
    """Fetch the key set, whatever the bounds say."""

    name = "fetch"
    label = "Fetch now"
    title = "Fetch the key set of"
    submit_label = "Fetch now"
    permission = MANAGE
    form_class = forms.Form

    def facts(self) -> list[Fact]:
        return [Fact("From", code(self.row.jwks_url))]

    def perform(self, form: forms.Form, actor: Actor) -> HttpResponse:
        done = player_keys.fetch_now(self.row.pk, actor=actor)
        if done.went is not Went.FETCHED or done.key_set is None:
            form.add_error(None, f"The key set could not be fetched: {done.failure}. The keys at hand stay as they are.")
            return self.ask(form)
        left_out = f" Left out: {'; '.join(done.key_set.left_out)}." if done.key_set.left_out else ""
        return self.done(self.back_url(), f"Fetched: {len(done.key_set.keys)} usable keys.{left_out}")


class DropKid(KeySetAction[KidForm]):
    """Refuse one key of the key set, whatever the set says."""

    name = "drop"
    label = "Drop a key"
    title = "Drop a key of"
    submit_label = "Drop key"
    permission = STOP
    tone = "danger"
    form_class = KidForm

    def warnings(self) -> list[str]:
        return ["What it signed is refused from the next request on, also if the set goes on holding it."]

    def perform(self, form: KidForm, actor: Actor) -> HttpResponse:
        player_keys.drop_kid(self.row.pk, **form.cleaned_data, actor=actor)
        return self.done(self.back_url(), "The key was dropped.")


class RestoreKid(KeySetAction[KidForm]):
    """Let a dropped key count again."""

    name = "restore"
    label = "Restore a key"
    title = "Restore a dropped key of"
    submit_label = "Restore key"
    permission = MANAGE
    form_class = KidForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: PlayerIssuer) -> bool:
        return super().is_offered(request, row) and bool(row.jwks.dropped_kids)

    def perform(self, form: KidForm, actor: Actor) -> HttpResponse:
        if not player_keys.restore_kid(self.row.pk, **form.cleaned_data, actor=actor):
            form.add_error("kid", "No key of this id is dropped.")
            return self.ask(form)
        return self.done(self.back_url(), "The key counts again.")


class DisableIssuer(IssuerAction[ReasonForm]):
    """Refuse all tokens of an issuer."""

    name = "disable"
    label = "Disable"
    title = "Disable"
    submit_label = "Disable issuer"
    permission = STOP
    tone = "danger"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: PlayerIssuer) -> bool:
        return row.is_enabled

    def warnings(self) -> list[str]:
        return ["Its tokens are refused from the next request on, and sessions they opened end."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        player_issuers.disable_issuer(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{self.row.name} is disabled.")


class EnableIssuer(IssuerAction[ReasonForm]):
    """Accept the tokens of a disabled issuer again."""

    name = "enable"
    label = "Enable"
    title = "Enable"
    submit_label = "Enable issuer"
    permission = MANAGE
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: PlayerIssuer) -> bool:
        return not row.is_enabled

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        player_issuers.enable_issuer(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{self.row.name} is enabled.")


class CheckToken(IssuerAction[TokenForm]):
    """See which check a token fails, and by how many seconds. Nothing of it is kept."""

    name = "check"
    label = "Check a token"
    title = "Check a token of"
    submit_label = "Check"
    permission = "surfaces.view_playerissuer"
    form_class = TokenForm

    def perform(self, form: TokenForm, actor: Actor) -> HttpResponse:
        diagnosis = diagnose(form.cleaned_data["token"], issuer=self.row)
        rows = [_row(finding) for finding in diagnosis.findings]
        table = Table(["Check", "Result", "Finding"], rows)
        extra = {
            "table": table,
            "flaw": diagnosis.first_flaw,
            "again_url": self.request.get_full_path(),
            "back_url": self.back_url(),
        }
        return self.show("surfaces/players/diagnosis.html", extra)


def _row(finding: Finding) -> list[Any]:
    return [finding.step.replace("_", " "), _result(finding), finding.text]


def _result(finding: Finding) -> Any:
    if finding.is_passed is None:
        return badge("not checked")
    return badge("passed", tone="ok") if finding.is_passed else badge("failed", tone="bad")


def console_actions() -> tuple[type[ConsoleAction[Any]], ...]:
    """Every act, in the order of its buttons."""
    return (
        RegisterIssuer,
        CheckToken,
        EditIssuer,
        AddKey,
        RetireKey,
        FetchNow,
        DropKid,
        RestoreKid,
        DisableIssuer,
        EnableIssuer,
    )
