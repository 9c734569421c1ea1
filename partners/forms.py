"""Forms of the partner and key console; each turns what staff typed into the arguments of one service."""

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.html import format_html

from audit.admin_actions import ReasonForm, confirmation_field
from core.credentials import KeyHash, KeyKind
from core.net import parse_networks
from core.principals import Environment
from partners.errors import PartnerNotFoundError
from partners.models import ApiKey, ContactRole, Partner, RevokeReason
from partners.scopes import MEANINGS, Scope, parse_scopes
from partners.services.keys import KeySpec, Overlap
from partners.services.partners import Contact, find_partner

CUSTOM: Final = "custom"
NEVER: Final = "never"
LIFETIMES: Final = [
    ("30", "30 days"),
    ("90", "90 days"),
    ("180", "180 days"),
    ("365", "1 year"),
    (CUSTOM, "Until a date"),
    (NEVER, "Never (a copy that leaks works for good)"),
]
OVERLAPS: Final = [
    (Overlap.NOW, "Not at all: it stops working now"),
    (Overlap.HOUR, "1 hour"),
    (Overlap.DAY, "24 hours"),
    (Overlap.THREE_DAYS, "72 hours"),
    (Overlap.WEEK, "7 days"),
]
MAX_CONTACTS: Final = 20
MAX_NETWORKS: Final = 50
MAX_ORIGINS: Final = 50
PARTNER_BACKEND: Final = (
    Scope.ORGANIZATION_WRITE,
    Scope.ORGANIZATION_READ,
    Scope.SESSION_CREATE,
    Scope.SESSION_READ,
    Scope.SESSION_REVOKE,
    Scope.KEY_READ,
    Scope.KEY_ROTATE,
)
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NETWORKS_HELP: Final = "One network or address a line, for example 203.0.113.0/24 or 2001:db8::/48. Empty: from anywhere."


def new_form_id() -> str:
    """The number of one rendered form; it works once."""
    return secrets.token_urlsafe(18)


class OnceForm(forms.Form):
    """A form whose answer shows a secret: sent a second time, by a reload, it makes nothing."""

    form_id = forms.RegexField(r"^[0-9A-Za-z_-]{16,64}$", widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("form_id", new_form_id())


class NetworksField(forms.CharField):
    """CIDR networks, one a line, normalised."""

    def __init__(self) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "sa-mono"})
        super().__init__(required=False, max_length=4000, label="Allowed networks", help_text=_NETWORKS_HELP, widget=widget)

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in str(super().clean(value)).replace(",", "\n").splitlines() if line.strip()]
        if len(lines) > MAX_NETWORKS:
            raise forms.ValidationError(f"At most {MAX_NETWORKS} networks.")
        try:
            return parse_networks(lines)
        except ValueError as error:
            raise forms.ValidationError(f"This is not a network: {error}") from error


class KeyPolicyForm(forms.Form):
    """Everything that decides what a new key may do."""

    partner = forms.CharField(
        max_length=63,
        label="Partner",
        help_text="Its slug or id.",
        widget=forms.TextInput(attrs={"list": "partner-slugs", "autocomplete": "off", "autocapitalize": "none"}),
    )
    environment = forms.ChoiceField(
        choices=[("test", "Test: sandbox data only"), ("live", "Live: real customers")],
        widget=forms.RadioSelect,
        initial="test",
    )
    name = forms.CharField(max_length=120, help_text="What will use it, for example 'Order backend, Frankfurt'.")
    kind = forms.ChoiceField(
        choices=[("sk", "Partner backend (sk)"), ("ak", "Payment or Supplier integration (ak)")],
        widget=forms.RadioSelect,
        initial="sk",
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, format_html("<code>{}</code> {}", scope.value, MEANINGS[scope])) for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
        help_text="Tick only what the caller needs: a leaked key can do all of it.",
    )
    networks = NetworksField()
    lifetime = forms.ChoiceField(choices=LIFETIMES, widget=forms.RadioSelect, initial="365", label="Lifetime")
    expires_on = forms.DateField(
        required=False,
        label="Last day",
        help_text="Only for 'Until a date'; valid to the end of that day, UTC.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    setup_per_minute = forms.IntegerField(
        required=False, min_value=1, label="Setup calls a minute", help_text="Empty: the partner's limit."
    )
    handshake_per_minute = forms.IntegerField(
        required=False, min_value=1, label="Handshakes a minute", help_text="Empty: the partner's limit."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].initial = [scope.value for scope in PARTNER_BACKEND]
        self.partner_slugs = list(Partner.objects.active().order_by("slug").values_list("slug", flat=True)[:200])

    def clean_partner(self) -> Partner:
        try:
            return find_partner(self.cleaned_data["partner"].strip())
        except PartnerNotFoundError as error:
            raise forms.ValidationError("No partner has this slug or id.") from error

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        last_day: date | None = cleaned.get("expires_on")
        if cleaned.get("lifetime") == CUSTOM and last_day is None and "expires_on" not in self.errors:
            self.add_error("expires_on", "Choose the last day.")
        if cleaned.get("lifetime") == CUSTOM and last_day and last_day < timezone.now().date():
            self.add_error("expires_on", "This day is over.")
        return cleaned

    def spec(self) -> KeySpec:
        """The policy in the words of the service."""
        fields = self.cleaned_data
        return KeySpec(
            environment=Environment(fields["environment"]),
            scopes=parse_scopes(fields["scopes"]),
            name=fields["name"],
            kind=KeyKind(fields["kind"]),
            networks=fields["networks"],
            lifetime=lifetime_of(fields["lifetime"], fields["expires_on"]),
            setup_per_minute=fields["setup_per_minute"],
            handshake_per_minute=fields["handshake_per_minute"],
        )


def lifetime_of(choice: str, last_day: date | None) -> timedelta | None:
    """How long a key lives from now; None for ever."""
    if choice == NEVER:
        return None
    if choice == CUSTOM and last_day is not None:
        return datetime.combine(last_day, time(23, 59, 59), UTC) - timezone.now()
    return timedelta(days=int(choice))


class IssueKeyForm(KeyPolicyForm, OnceForm):
    """A new key of a new family."""


class ImportKeyForm(KeyPolicyForm):
    """A key issued elsewhere, of which only the SHA-256 is known here."""

    sha256 = forms.CharField(
        label="SHA-256 of the whole key",
        max_length=64,
        help_text='64 hexadecimal characters; never the key itself. printf %s "$KEY" | sha256sum',
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "sa-mono"}),
    )
    field_order = ("partner", "sha256", "environment")

    def clean_sha256(self) -> KeyHash:
        text = self.cleaned_data["sha256"].strip().lower()
        if not _HEX.fullmatch(text):
            raise forms.ValidationError("This is not a SHA-256: it needs 64 hexadecimal characters.")
        return KeyHash(bytes.fromhex(text))


class RotateKeyForm(OnceForm, ReasonForm):
    """How long the old key keeps working, and why it is replaced."""

    overlap = forms.ChoiceField(
        label="The old key keeps working for", choices=OVERLAPS, widget=forms.RadioSelect, initial=Overlap.DAY
    )
    field_order = ("overlap", "reason", "form_id")


class EditKeyForm(ReasonForm):
    """A key's name and networks; what it may do never changes after it was issued."""

    name = forms.CharField(max_length=120)
    networks = NetworksField()
    field_order = ("name", "networks", "reason")


class RevokeKeyForm(ReasonForm):
    """Why a key ends for good; its kid must be typed."""

    code = forms.ChoiceField(label="Reason", choices=RevokeReason.choices, widget=forms.RadioSelect)
    field_order = ("code", "reason", "confirm")

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = "Comment"
        self.fields["confirm"] = confirmation_field(key.kid, what="kid")


class IdentifyForm(forms.Form):
    """What the browser takes out of a pasted key: its kid, or the SHA-256 of one issued elsewhere. Never the key."""

    kid = forms.RegexField(r"^[0-9A-Za-z]{12}$", required=False)
    sha256 = forms.RegexField(r"^[0-9a-f]{64}$", required=False)


class CreatePartnerForm(forms.Form):
    """A new partner."""

    name = forms.CharField(max_length=120)
    slug = forms.SlugField(
        max_length=63,
        required=False,
        help_text="The shop handle: part of addresses and headers, never changed later. Empty: made from the name.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )


class EditPartnerForm(forms.Form):
    """A partner's name and limits."""

    name = forms.CharField(max_length=120)
    setup_per_minute = forms.IntegerField(
        required=False, min_value=1, max_value=1_000_000, label="Setup calls a minute", help_text="Empty: the default."
    )
    handshake_per_minute = forms.IntegerField(
        required=False, min_value=1, max_value=1_000_000, label="Handshakes a minute", help_text="Empty: the default."
    )


class OriginsForm(forms.Form):
    """The origins that may frame the embed page in one environment, one a line."""

    origins = forms.CharField(
        required=False,
        max_length=MAX_ORIGINS * 256,
        label="Origins",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "sa-mono"}),
    )

    def __init__(self, *args: Any, environment: Environment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        local = " Here also http://localhost:PORT and http://127.0.0.1:PORT." if environment is Environment.TEST else ""
        self.fields["origins"].help_text = f"One a line, exact: https://shop.example or https://shop.example:8443.{local}"

    def clean_origins(self) -> list[str]:
        _must_be_sent(self, "origins")
        lines = [line.strip() for line in self.cleaned_data["origins"].splitlines() if line.strip()]
        if len(lines) > MAX_ORIGINS:
            raise forms.ValidationError(f"At most {MAX_ORIGINS} origins.")
        return lines


class ContactsForm(forms.Form):
    """The partner's people, one row each; a row emptied is a contact removed."""

    def __init__(self, *args: Any, contacts: Sequence[Contact] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sent = sum(name.startswith("email_") for name in self.data)
        self.count = min(MAX_CONTACTS, sent or len(contacts) + 3)
        padded: list[Contact | None] = [*contacts, *([None] * self.count)]
        for number, contact in enumerate(padded[: self.count]):
            self._add_row(number, contact)

    def _add_row(self, number: int, contact: Contact | None) -> None:
        self.fields[f"name_{number}"] = forms.CharField(
            label="Name", required=False, max_length=120, initial=contact.name if contact else ""
        )
        self.fields[f"email_{number}"] = forms.EmailField(
            label="E-mail", required=False, initial=contact.email if contact else ""
        )
        self.fields[f"role_{number}"] = forms.ChoiceField(
            label="Role", choices=ContactRole.choices, required=False, initial=contact.role if contact else "technical"
        )

    def rows(self) -> list[list[forms.BoundField]]:
        """The fields, three a row, for the template."""
        return [[self[f"{part}_{number}"] for part in ("name", "email", "role")] for number in range(self.count)]

    def clean(self) -> dict[str, Any]:
        _must_be_sent(self, "email_0")
        for number in range(self.count):
            name, email = self.cleaned_data.get(f"name_{number}"), self.cleaned_data.get(f"email_{number}")
            if bool(name) is not bool(email) and f"email_{number}" not in self.errors:
                self.add_error(f"email_{number}" if name else f"name_{number}", "A contact needs a name and an e-mail address.")
        return self.cleaned_data

    def contacts(self) -> list[Contact]:
        """The rows that hold somebody."""
        fields = self.cleaned_data
        return [
            Contact(fields[f"name_{number}"], fields[f"email_{number}"], fields[f"role_{number}"] or ContactRole.TECHNICAL)
            for number in range(self.count)
            if fields[f"email_{number}"]
        ]


def _must_be_sent(form: forms.Form, name: str) -> None:
    """Tell a field that was emptied from one that never arrived: only the first may empty what is stored."""
    if name not in form.data:
        raise forms.ValidationError("The form arrived incomplete. Open it anew.")


class SlugConfirmForm(ReasonForm):
    """An act on a whole partner: why, and its slug typed."""

    def __init__(self, *args: Any, partner: Partner, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["confirm"] = confirmation_field(partner.slug, what="slug")
