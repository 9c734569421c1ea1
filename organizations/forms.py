"""Forms of the console for OAuth providers and grants; each turns what staff typed into the arguments of one service."""

from datetime import timedelta
from typing import Any, Final

from django import forms

from core.principals import Environment
from organizations.models import ClientAuthentication, OAuthProvider, RefreshOwner
from organizations.models.oauth import MAX_INTERVAL_SECONDS, MAX_URL_CHARS, MIN_INTERVAL_SECONDS
from organizations.oauth.data import PLACEHOLDER
from organizations.services.oauth_providers import MAX_SECRET_CHARS, settings_of
from partners.errors import PartnerNotFoundError
from partners.models import Partner
from partners.services.partners import find_partner

_PLAIN: Final = {"spellcheck": "false", "autocomplete": "off", "class": "sa-mono"}
_DISCOVERED: Final = "Empty: as the metadata says."
_MAX_NAMES: Final = 60


def _url(label: str, help_text: str = "", *, required: bool = False) -> forms.CharField:
    widget = forms.TextInput(attrs=_PLAIN)
    return forms.CharField(label=label, max_length=MAX_URL_CHARS, required=required, help_text=help_text, widget=widget)


class ProviderForm(forms.Form):
    """How a partner's provider is to be used."""

    data_url = _url("Data URL", f"Where an organization is read, with {PLACEHOLDER} in its path or query.", required=True)
    metadata_url = _url("Metadata URL", "Of RFC 8414 or OpenID: it is read when this form is saved and fills in the endpoints.")
    token_url = _url("Token endpoint", _DISCOVERED)
    authorization_url = _url("Authorization endpoint", f"{_DISCOVERED} Without one nobody can connect by a link.")
    revocation_url = _url("Revocation endpoint", f"{_DISCOVERED} Without one tokens are only erased here.")
    issuer = _url("Issuer", "What 'iss' must say when a code comes back. Empty: as the metadata says, or not checked.")
    client_id = forms.CharField(max_length=255, widget=forms.TextInput(attrs=_PLAIN))
    client_secret = forms.CharField(
        max_length=MAX_SECRET_CHARS,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={**_PLAIN, "autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown again. Empty: the one that is stored stays.",
    )
    client_authentication = forms.ChoiceField(choices=ClientAuthentication.choices, widget=forms.RadioSelect, label="Sent")
    scopes = forms.CharField(
        max_length=4000, required=False, help_text="With spaces between.", widget=forms.TextInput(attrs=_PLAIN)
    )
    field_names = forms.CharField(
        max_length=8000,
        required=False,
        label="Names of fields",
        help_text="One a line where the provider has another name: users.email = mail, organizationName = data.title",
        widget=forms.Textarea(attrs={"rows": 4, **_PLAIN}),
    )
    interval_seconds = forms.IntegerField(
        label="Seconds between syncs", min_value=MIN_INTERVAL_SECONDS, max_value=MAX_INTERVAL_SECONDS, initial=3600
    )
    refresh_owner = forms.ChoiceField(
        choices=RefreshOwner.choices,
        widget=forms.RadioSelect,
        label="Refresh tokens",
        help_text="A refresh token that rotates has one owner: once handed over, the partner must not use it any more.",
    )

    def clean_field_names(self) -> dict[str, str]:
        """The lines as a mapping."""
        lines = [line.strip() for line in str(self.cleaned_data["field_names"]).splitlines() if line.strip()]
        if len(lines) > _MAX_NAMES:
            raise forms.ValidationError("These are more lines than there are fields.")
        names: dict[str, str] = {}
        for line in lines:
            ours, equals, theirs = (part.strip() for part in line.partition("="))
            if not (ours and equals and theirs) or ours in names:
                raise forms.ValidationError(f"Write OURS = THEIRS, each of ours once: {line[:80]}")
            names[ours] = theirs
        return names

    def changes(self) -> dict[str, Any]:
        """The fields of `ProviderSettings` that the form sets."""
        fields = dict(self.cleaned_data)
        return {
            **{name: fields[name] for name in ("data_url", "metadata_url", "token_url", "authorization_url")},
            **{name: fields[name] for name in ("revocation_url", "issuer", "client_id", "field_names")},
            **({"client_secret": fields["client_secret"]} if fields["client_secret"] else {}),
            "client_authentication": ClientAuthentication(fields["client_authentication"]),
            "scopes": tuple(fields["scopes"].split()),
            "interval": timedelta(seconds=fields["interval_seconds"]),
            "refresh_owner": RefreshOwner(fields["refresh_owner"]),
        }


class NewProviderForm(ProviderForm):
    """The same for a partner and environment that have none yet."""

    field_order = ("partner", "environment")

    partner = forms.CharField(label="Partner", max_length=63, help_text="Slug or id.")
    environment = forms.ChoiceField(choices=[(each.value, each.value.capitalize()) for each in Environment])

    def clean_partner(self) -> Partner:
        """The partner that is named."""
        try:
            return find_partner(self.cleaned_data["partner"].strip())
        except PartnerNotFoundError as error:
            raise forms.ValidationError("No partner has this slug or id.") from error

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        partner, environment = fields.get("partner"), fields.get("environment")
        if partner and environment and OAuthProvider.objects.of(partner.pk, environment).exists():
            self.add_error("environment", "This partner has a provider there already: edit that one.")
        return fields


def initial_of(provider: OAuthProvider) -> dict[str, Any]:
    """A provider's settings as the form shows them; the secret stays where it is."""
    found = settings_of(provider).columns()
    names = "\n".join(f"{ours} = {theirs}" for ours, theirs in found["field_names"].items())
    return {**found, "scopes": " ".join(found["scopes"]), "field_names": names}
