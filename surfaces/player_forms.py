"""Forms of the console for player issuers; each turns what staff typed into the arguments of one service."""

import base64
import binascii
from typing import Any, Final

from django import forms

from audit.admin_actions import ReasonForm
from core.principals import Environment
from partners.errors import PartnerNotFoundError
from partners.models import Partner
from partners.services.partners import find_partner
from surfaces.models.players import (
    MAX_KID_CHARS,
    MAX_LEEWAY_SECONDS,
    MAX_LIFETIME_SECONDS,
    Algorithm,
    JtiPolicy,
    KeySource,
    PlayerIssuer,
    PlayerKey,
)
from surfaces.players.policy import MIN_LIFETIME_SECONDS, IssuerIdentity, IssuerPolicy
from surfaces.players.token import MAX_TOKEN_CHARS
from surfaces.services.player_keys import NewKey

_MONO: Final = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "class": "sa-mono"}
_CODINGS: Final = [
    ("text", "As text: the bytes of these letters are the secret"),
    ("base64", "Base64 or base64url of the secret"),
    ("hex", "Hexadecimal digits of the secret"),
]


class UnseenTextarea(forms.Textarea):
    """A text that is never sent back to the browser, not even with an error beside it."""

    def format_value(self, value: Any) -> None:
        return None


class PolicyForm(forms.Form):
    """What an issuer's tokens must look like."""

    name = forms.CharField(max_length=120, help_text="For staff, for example 'Acme accounts'.")
    audience = forms.CharField(
        max_length=255,
        widget=forms.TextInput(attrs=_MONO),
        help_text="'aud' must name exactly this. A partner's test and live issuers need different ones.",
    )
    algorithms = forms.MultipleChoiceField(
        choices=Algorithm.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="HS256 goes with a shared secret, the others with public keys.",
    )
    jwks_url = forms.CharField(
        required=False,
        max_length=2048,
        label="Key set URL",
        widget=forms.TextInput(attrs=_MONO),
        help_text="Only where the keys come from a URL: https, on the public internet.",
    )
    leeway_seconds = forms.IntegerField(
        min_value=0,
        max_value=MAX_LEEWAY_SECONDS,
        initial=30,
        label="Leeway in seconds",
        help_text="How far 'nbf' and 'iat' may lie ahead of our clock. The end of a token has none.",
    )
    max_age_seconds = forms.IntegerField(
        min_value=MIN_LIFETIME_SECONDS,
        max_value=MAX_LIFETIME_SECONDS,
        initial=3600,
        label="Longest life in seconds",
        help_text="From 'iat' to 'exp'. A token that leaks is good for this long.",
    )
    jti_policy = forms.ChoiceField(
        choices=JtiPolicy.choices, widget=forms.RadioSelect, initial=JtiPolicy.OFF, label="Single use ('jti')"
    )
    subject_claim = forms.CharField(
        max_length=128,
        initial="sub",
        label="Claim with the player's id",
        widget=forms.TextInput(attrs=_MONO),
        help_text="A name, or a path with dots.",
    )
    email_claim = forms.CharField(
        required=False,
        max_length=128,
        initial="email",
        label="Claim with the e-mail address",
        widget=forms.TextInput(attrs=_MONO),
    )
    name_claim = forms.CharField(
        required=False, max_length=128, initial="name", label="Claim with the name", widget=forms.TextInput(attrs=_MONO)
    )
    allows_profile_creation = forms.BooleanField(
        required=False, label="Make a profile when a player is seen first", help_text="Otherwise unknown players are refused."
    )
    organization_external_id = forms.CharField(
        max_length=128,
        initial="players",
        label="Organization of such players",
        widget=forms.TextInput(attrs=_MONO),
        help_text="The partner's id for it; it is made when the first player is.",
    )

    def policy(self) -> IssuerPolicy:
        """The policy in the words of the service."""
        names = PolicyForm.base_fields.keys()
        fields = {name: self.cleaned_data[name] for name in names}
        fields["algorithms"] = [Algorithm(each) for each in fields["algorithms"]]
        fields["jti_policy"] = JtiPolicy(fields["jti_policy"])
        return IssuerPolicy(**fields)


class KeyForm(forms.Form):
    """A key that a partner gave us: a shared secret, or a public key."""

    kid = forms.CharField(
        required=False,
        max_length=MAX_KID_CHARS,
        label="Key id",
        widget=forms.TextInput(attrs=_MONO),
        help_text="'kid' of the tokens. Empty where they carry none.",
    )
    secret = forms.CharField(
        required=False,
        max_length=2048,
        label="Shared secret",
        widget=forms.PasswordInput(attrs=_MONO),
        help_text="At least 32 random bytes. Kept encrypted, and never shown again.",
    )
    coding = forms.ChoiceField(choices=_CODINGS, widget=forms.RadioSelect, initial="text", label="How the secret is written")
    public_key = forms.CharField(
        required=False,
        max_length=16_384,
        label="Public key",
        widget=forms.Textarea(attrs={**_MONO, "rows": 6}),
        help_text="PEM (a certificate is fine) or one JWK. Never a private key.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("secret") and cleaned.get("public_key"):
            self.add_error("public_key", "Give either a shared secret or a public key.")
        try:
            cleaned["secret_bytes"] = _decoded(cleaned.get("secret", ""), cleaned.get("coding", "text"))
        except ValueError:
            self.add_error("secret", "This is not written the way you ticked.")
        return cleaned

    def new_key(self) -> NewKey | None:
        """The key in the words of the service; None where none was given."""
        fields = self.cleaned_data
        if fields["secret"]:
            return NewKey(fields["kid"], secret=fields["secret_bytes"])
        return NewKey(fields["kid"], public=fields["public_key"]) if fields["public_key"] else None


class RegisterIssuerForm(PolicyForm, KeyForm):
    """A new issuer with its first key."""

    partner = forms.CharField(
        max_length=63,
        help_text="Its slug or id.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    environment = forms.ChoiceField(
        choices=[("test", "Test: sandbox data only"), ("live", "Live: real customers")],
        widget=forms.RadioSelect,
        initial="test",
    )
    iss = forms.CharField(
        max_length=255,
        label="Issuer",
        widget=forms.TextInput(attrs=_MONO),
        help_text="'iss' must be exactly this, to the letter: no slash more or less.",
    )
    key_source = forms.ChoiceField(
        choices=KeySource.choices, widget=forms.RadioSelect, initial=KeySource.PUBLIC, label="Where its keys come from"
    )
    field_order = (
        "partner",
        "environment",
        "name",
        "iss",
        "audience",
        "key_source",
        "algorithms",
        "jwks_url",
        "public_key",
        "secret",
        "coding",
        "kid",
    )

    def clean_partner(self) -> Partner:
        try:
            return find_partner(self.cleaned_data["partner"].strip())
        except PartnerNotFoundError as error:
            raise forms.ValidationError("No partner has this slug or id.") from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        needed = {KeySource.SECRET: "secret", KeySource.PUBLIC: "public_key", KeySource.JWKS: "jwks_url"}
        field = needed.get(KeySource(cleaned["key_source"])) if "key_source" in cleaned else None
        if field and not cleaned.get(field) and field not in self.errors:
            self.add_error(field, "This is what the kind of key you ticked needs.")
        return cleaned

    def identity(self) -> IssuerIdentity:
        """What the issuer is for good, in the words of the service."""
        fields = self.cleaned_data
        return IssuerIdentity(Environment(fields["environment"]), fields["iss"], KeySource(fields["key_source"]))


class EditIssuerForm(PolicyForm, ReasonForm):
    """What may change of an issuer, and why."""

    def __init__(self, *args: Any, issuer: PlayerIssuer, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {name: getattr(issuer, name) for name in PolicyForm.base_fields})
        super().__init__(*args, **kwargs)
        if issuer.key_source != KeySource.JWKS:
            self.fields["jwks_url"].widget = forms.HiddenInput()


class AddKeyForm(KeyForm, ReasonForm):
    """One more key, and why."""

    field_order = ("public_key", "secret", "coding", "kid", "reason")

    def __init__(self, *args: Any, issuer: PlayerIssuer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        unused = ["public_key"] if issuer.key_source == KeySource.SECRET else ["secret", "coding"]
        for name in unused:
            self.fields[name].required = False
            self.fields[name].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any]:
        self.cleaned_data.setdefault("coding", "text")
        cleaned = super().clean()
        if not cleaned.get("secret") and not cleaned.get("public_key") and not self.errors:
            self.add_error(None, "Give the key.")
        return cleaned


class KeyChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """One of an issuer's keys."""

    def label_from_instance(self, obj: Any) -> str:
        name = f"key id {obj.kid}" if obj.kid else "no key id"
        return f"{obj.algorithm}, {name}, added {obj.created_at:%Y-%m-%d %H:%M} UTC"


class RetireKeyForm(ReasonForm):
    """Which key ends, and why."""

    def __init__(self, *args: Any, issuer: PlayerIssuer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        live = PlayerKey.objects.filter(issuer=issuer, retired_at=None).order_by("created_at")
        self.fields["key"] = KeyChoiceField(live, widget=forms.RadioSelect, empty_label=None)
        self.order_fields(["key", "reason"])


class KidForm(ReasonForm):
    """Which key of a key set, and why."""

    kid = forms.CharField(
        max_length=MAX_KID_CHARS,
        label="Key id",
        widget=forms.TextInput(attrs=_MONO),
        help_text="As the key set has it, or the thumbprint of a key without one. Both stand on the issuer's page.",
    )
    field_order = ("kid", "reason")


class TokenForm(forms.Form):
    """A token to look at. It is sent to this service, held in memory for the answer, and never shown, logged or kept."""

    token = forms.CharField(
        max_length=4 * MAX_TOKEN_CHARS,
        strip=True,
        widget=UnseenTextarea(attrs={**_MONO, "rows": 6}),
        help_text="Only the three parts, without 'Bearer'. Until it expires, whoever sees it could use it: an old one is best.",
    )


def _decoded(text: str, coding: str) -> bytes:
    if coding == "hex":
        return bytes.fromhex(text)
    if coding == "base64":
        plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
    return text.encode()
