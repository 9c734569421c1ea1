"""Forms of the console for accounts and clients; each turns what staff typed into the arguments of one service."""

from typing import Any, Final

from django import forms
from django.utils.html import format_html

from audit.admin_actions import ReasonForm
from core.principals import Environment
from organizations.models import Profile
from partners.forms import OVERLAPS, OnceForm
from partners.models import Partner
from partners.scopes import MEANINGS, Scope, parse_scopes
from partners.services.keys import Overlap
from surfaces.forms import ENVIRONMENTS, OptionalReasonForm, PartnerField
from surfaces.models import ClientSecret, ResellerAccount, ResellerClient
from surfaces.services.clients import ClientSpec
from surfaces.services.resellers import ResellerSpec

RESELLER_SCOPES: Final = (Scope.ORDERS_CREATE, Scope.ORDERS_READ, Scope.PRODUCTS_READ)
_PLAIN: Final = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class ScopesField(forms.MultipleChoiceField):
    """The scopes a token may have; those that this service's own routes ask of resellers are ticked."""

    def __init__(self) -> None:
        choices = [(scope.value, format_html("<code>{}</code> {}", scope.value, MEANINGS[scope])) for scope in Scope]
        super().__init__(
            choices=choices,
            required=False,
            widget=forms.CheckboxSelectMultiple,
            initial=[scope.value for scope in RESELLER_SCOPES],
            help_text="Its tokens can do no more; what is taken away, they lose with the next request.",
        )

    def clean(self, value: Any) -> Any:
        return parse_scopes(super().clean(value))


class EnvironmentField(forms.ChoiceField):
    """Live or test."""

    def __init__(self) -> None:
        super().__init__(choices=ENVIRONMENTS, widget=forms.RadioSelect, initial="test")


class CreateResellerForm(OnceForm):
    """A new account of a partner."""

    partner = PartnerField()
    environment = EnvironmentField()
    email = forms.EmailField(
        label="E-mail address",
        help_text="What it signs in with. One address is one account in the whole service, live and test.",
        widget=forms.EmailInput(attrs=_PLAIN),
    )
    name = forms.CharField(required=False, max_length=120, help_text="Who it belongs to.")
    scopes = ScopesField()

    def owner(self) -> Partner:
        """The partner it is for."""
        partner: Partner = self.cleaned_data["partner"]
        return partner

    def spec(self) -> ResellerSpec:
        """The account as the service wants it."""
        fields = self.cleaned_data
        return ResellerSpec(Environment(fields["environment"]), fields["email"], fields["name"], fields["scopes"])


class EditResellerForm(ReasonForm):
    """What an account may do."""

    field_order = ("name", "scopes", "is_api_enabled", "reason")
    name = forms.CharField(required=False, max_length=120)
    scopes = ScopesField()
    is_api_enabled = forms.BooleanField(required=False, label="May use the API")

    def __init__(self, *args: Any, account: ResellerAccount, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {
            "name": account.name,
            "scopes": [str(scope) for scope in account.scopes],
            "is_api_enabled": account.is_api_enabled,
        }


class PasswordForm(OnceForm, ReasonForm):
    """A new password; it is generated."""


class CreateClientForm(OnceForm):
    """A new client of a partner."""

    partner = PartnerField()
    environment = EnvironmentField()
    name = forms.CharField(max_length=120, help_text="What will use it, for example 'Stock sync'.")
    scopes = ScopesField()

    def owner(self) -> Partner:
        """The partner it is for."""
        partner: Partner = self.cleaned_data["partner"]
        return partner

    def spec(self) -> ClientSpec:
        """The client as the service wants it."""
        fields = self.cleaned_data
        return ClientSpec(Environment(fields["environment"]), fields["name"], fields["scopes"])


class EditClientForm(ReasonForm):
    """A client's name and scopes."""

    field_order = ("name", "scopes", "reason")
    name = forms.CharField(max_length=120)
    scopes = ScopesField()

    def __init__(self, *args: Any, account: ResellerClient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {"name": account.name, "scopes": [str(scope) for scope in account.scopes]}


class RotateSecretForm(OnceForm, ReasonForm):
    """How long the secret before goes on working."""

    field_order = ("overlap", "reason")
    overlap = forms.ChoiceField(
        choices=[(value.value, label) for value, label in OVERLAPS],
        widget=forms.RadioSelect,
        initial=Overlap.DAY.value,
        label="The secret before works on for",
    )


class RevokeSecretForm(ReasonForm):
    """Which secret ends."""

    field_order = ("secret", "reason")
    secret = forms.ModelChoiceField(queryset=ClientSecret.objects.none(), empty_label=None, widget=forms.RadioSelect)

    def __init__(self, *args: Any, account: ResellerClient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["secret"]
        field.queryset = account.secrets.filter(revoked_at=None).order_by("-pk")
        field.label_from_instance = lambda secret: f"Number {secret.pk}, made {secret.created_at:%Y-%m-%d %H:%M} UTC"


class CreateCustomerForm(OnceForm):
    """A user who may sign in with a password."""

    profile = forms.UUIDField(
        label="User", help_text="The profile's id; its page shows it.", widget=forms.TextInput(attrs=_PLAIN)
    )
    email = forms.EmailField(
        label="E-mail address",
        help_text="What they sign in with; one account of this shop and environment.",
        widget=forms.EmailInput(attrs=_PLAIN),
    )

    def clean_profile(self) -> Profile:
        profile = Profile.objects.filter(pk=self.cleaned_data["profile"]).first()
        if profile is None:
            raise forms.ValidationError("No user has this id.")
        return profile


class PasswordPolicyForm(OptionalReasonForm):
    """Whether a shop's customers may sign in with a password."""

    field_order = ("partner", "environment", "is_allowed", "reason")
    partner = PartnerField()
    environment = EnvironmentField()
    is_allowed = forms.ChoiceField(
        choices=[("yes", "Customers may sign in with a password"), ("no", "They may not")],
        widget=forms.RadioSelect,
        initial="yes",
        label="Password logins",
    )
