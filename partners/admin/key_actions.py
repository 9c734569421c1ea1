"""What staff do with keys: issue, import, rotate, pause, resume, edit, revoke, and find out whose a key is."""

from typing import Any, Final, TypeVar

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.admin_actions import ConsoleAction, ReasonForm
from audit.admin_base import Fact
from audit.admin_display import badges, code, moment, thousands
from core.credentials import KeyHash
from core.principals import Actor
from partners.admin.key_display import is_alive, status_badge
from partners.errors import KeyNotFoundError
from partners.forms import (
    EditKeyForm,
    IdentifyForm,
    ImportKeyForm,
    IssueKeyForm,
    KeyPolicyForm,
    RevokeKeyForm,
    RotateKeyForm,
)
from partners.impact import Impact, impact_of_key
from partners.models import ApiKey, KeyStatus, RevokeReason
from partners.services import keys
from partners.services.keys import Overlap
from partners.services.staff_keys import ShownKey, issue_key_by_form, rotate_key_by_form

KEY_PAGE: Final = "admin:partners_apikey_change"
F = TypeVar("F", bound=forms.Form)
P = TypeVar("P", bound=KeyPolicyForm)


def impact_facts(impact: Impact) -> list[Fact]:
    """What would break, as facts of a confirmation."""
    return [
        Fact("Calls in the last 24 hours", f"{thousands(impact.calls)} accepted, {thousands(impact.refused)} refused"),
        Fact("Last used", moment(impact.last_used_at, empty="never")),
        Fact("From", badges(code(network) for network in impact.networks) if impact.networks else "nowhere in 24 hours"),
        Fact("Signed in through it", f"{thousands(impact.sessions.signed_in)} users"),
        Fact("Links not yet opened", thousands(impact.sessions.waiting)),
    ]


class KeyAction(ConsoleAction[F]):
    """An act on one key that is still alive."""

    row: ApiKey

    @classmethod
    def is_offered(cls, request: HttpRequest, row: ApiKey) -> bool:
        return is_alive(row)

    def facts(self) -> list[Fact]:
        return [Fact("Status", status_badge(self.row)), *impact_facts(impact_of_key(self.row))]

    def heading(self) -> str:
        return f"{self.title} {self.row.kid}"

    def key_url(self, kid: str | None = None) -> str:
        """The page of a key, by default the one acted on."""
        return reverse(KEY_PAGE, args=[kid or self.row.kid])


class ShowsSecret(ConsoleAction[F]):
    """An act whose answer shows a new key, this once; never a redirect; `never_cache` on every act keeps it out of caches."""

    def reveal(self, shown: ShownKey, *, previous: ApiKey | None = None) -> HttpResponse:
        """Answer with the key, or say that this form has done its work before."""
        url = reverse(KEY_PAGE, args=[shown.key.kid])
        if shown.plaintext is None:
            return self.show("partners/form_used.html", {"key": shown.key, "done_url": url}, status=409)
        extra = {
            "key": shown.key,
            "plaintext": shown.plaintext,
            "previous": previous,
            "done_url": url,
            "base_url": settings.PUBLIC_BASE_URL,
        }
        return self.show("partners/reveal.html", extra)


class PolicyAction(ConsoleAction[P]):
    """An act that makes a key by a policy form; a partner page opens it with the partner filled in."""

    is_on_row = False

    def make_form(self, **kwargs: Any) -> P:
        asked = {name: self.request.GET[name] for name in ("partner", "environment") if name in self.request.GET}
        return super().make_form(initial=asked, **kwargs)


class IssueKey(PolicyAction[IssueKeyForm], ShowsSecret[IssueKeyForm]):
    """A new key of a new family."""

    name = "issue"
    label = "Issue key"
    title = "Issue a key"
    submit_label = "Issue key"
    permission = "partners.issue_apikey"
    form_class = IssueKeyForm
    panel_name = "partners/issue.html"

    def perform(self, form: IssueKeyForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        shown = issue_key_by_form(fields["partner"], spec=form.spec(), form_id=fields["form_id"], actor=actor)
        return self.reveal(shown)


class ImportKey(PolicyAction[ImportKeyForm]):
    """A key issued elsewhere, let in by its SHA-256; there is no secret to show."""

    name = "import"
    label = "Import key"
    title = "Import a key issued elsewhere"
    submit_label = "Import key"
    permission = "partners.issue_apikey"
    form_class = ImportKeyForm
    panel_name = "partners/issue.html"

    def perform(self, form: ImportKeyForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        key = keys.import_key(fields["partner"], key_hash=fields["sha256"], spec=form.spec(), actor=actor)
        return self.done(reverse(KEY_PAGE, args=[key.kid]), f"The key was imported; its kid is {key.kid}.")


class RotateKey(KeyAction[RotateKeyForm], ShowsSecret[RotateKeyForm]):
    """A successor with the same policy."""

    name = "rotate"
    label = "Rotate"
    title = "Rotate"
    submit_label = "Issue the successor"
    permission = "partners.rotate_apikey"
    form_class = RotateKeyForm

    def warnings(self) -> list[str]:
        newer = ApiKey.objects.in_family(self.row).unrevoked().filter(generation__gt=self.row.generation)
        return [f"Its unused successor {each.kid} is revoked and replaced." for each in newer.filter(last_used_at=None)]

    def perform(self, form: RotateKeyForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        shown = rotate_key_by_form(
            self.row, overlap=Overlap(fields["overlap"]), reason=fields["reason"], form_id=fields["form_id"], actor=actor
        )
        return self.reveal(shown, previous=ApiKey.objects.get(pk=self.row.pk))


class PauseKey(KeyAction[ReasonForm]):
    """Refuse a key until it is resumed."""

    name = "pause"
    label = "Pause"
    title = "Pause"
    submit_label = "Pause key"
    permission = "partners.rotate_apikey"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: ApiKey) -> bool:
        return row.status in (KeyStatus.ACTIVE, KeyStatus.GRACE)

    def warnings(self) -> list[str]:
        return ["The next request with this key is refused. Users who are signed in stay signed in. Resume undoes it."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        keys.pause_key(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.key_url(), f"{self.row.kid} is paused.")


class ResumeKey(KeyAction[ReasonForm]):
    """Accept a paused key again."""

    name = "resume"
    label = "Resume"
    title = "Resume"
    submit_label = "Resume key"
    permission = "partners.rotate_apikey"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: ApiKey) -> bool:
        return row.status is KeyStatus.PAUSED

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        keys.resume_key(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.key_url(), f"{self.row.kid} works again.")


class EditKey(KeyAction[EditKeyForm]):
    """Change a key's name and networks."""

    name = "edit"
    label = "Edit"
    section = "Key"
    title = "Edit"
    submit_label = "Save"
    permission = "partners.issue_apikey"
    form_class = EditKeyForm

    def make_form(self, **kwargs: Any) -> EditKeyForm:
        initial = {"name": self.row.name, "networks": "\n".join(self.row.networks or [])}
        return super().make_form(initial=initial, **kwargs)

    def warnings(self) -> list[str]:
        return ["A network that is not listed is refused from the next request on."]

    def perform(self, form: EditKeyForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        keys.update_key(self.row.pk, name=fields["name"], networks=fields["networks"], reason=fields["reason"], actor=actor)
        return self.done(self.key_url(), f"{self.row.kid} was changed.")


class RevokeKey(KeyAction[RevokeKeyForm]):
    """End a key for good."""

    name = "revoke"
    label = "Revoke"
    title = "Revoke"
    submit_label = "Revoke for good"
    permission = "partners.revoke_apikey"
    tone = "danger"
    form_class = RevokeKeyForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: ApiKey) -> bool:
        return row.revoked_at is None

    def make_form(self, **kwargs: Any) -> RevokeKeyForm:
        return super().make_form(key=self.row, **kwargs)

    def warnings(self) -> list[str]:
        return [
            "This cannot be undone. The next request with this key is refused.",
            "Users who signed in through it are signed out, links it made stop working,"
            " and successors made from it that nobody uses yet end with it.",
        ]

    def perform(self, form: RevokeKeyForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        ended = keys.revoke_key(self.row.pk, reason=RevokeReason(fields["code"]), comment=fields["reason"], actor=actor)
        what = ", ".join(ended) if ended else f"{self.row.kid} was revoked before; nothing"
        return self.done(self.key_url(), f"Revoked: {what}.")


class IdentifyKey(ConsoleAction[IdentifyForm]):
    """Find the key somebody holds; the browser sends its kid, or the SHA-256 of a key issued elsewhere, never the key."""

    name = "identify"
    label = "Identify a key"
    title = "Identify a key"
    submit_label = "Identify"
    permission = "partners.view_apikey"
    is_on_row = False
    form_class = IdentifyForm
    panel_name = "partners/identify.html"

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Any) -> bool:
        return False  # its box stands on the list and on the overview

    def perform(self, form: IdentifyForm, actor: Actor) -> HttpResponse:
        key = _identified(form.cleaned_data["kid"], form.cleaned_data["sha256"])
        return self.done(reverse(KEY_PAGE, args=[key.kid]), f"This is {key.masked}.")


def _identified(kid: str, sha256: str) -> ApiKey:
    if kid:
        return keys.find_key(kid)
    if not sha256:
        raise KeyNotFoundError("Nothing was sent that names a key.")
    return keys.find_imported_key(KeyHash(bytes.fromhex(sha256)))
