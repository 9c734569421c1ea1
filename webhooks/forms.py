"""Forms of the webhook console; each turns what staff typed into the arguments of one service."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone

from audit.admin_actions import ReasonForm
from core.principals import Environment
from partners.errors import PartnerNotFoundError
from partners.forms import OnceForm
from partners.models import Partner
from partners.services.partners import find_partner
from webhooks.catalogue import CATALOGUE
from webhooks.formats import SignatureFormat
from webhooks.models import DeliveryState, Endpoint
from webhooks.models.endpoints import MAX_CONCURRENCY, MAX_URL_CHARS
from webhooks.services.replays import REPLAYABLE, ReplayWindow
from webhooks.specs import EndpointSpec

FORMATS: Final = [
    (SignatureFormat.STANDARD.value, "Standard Webhooks: id, timestamp and body are signed"),
    (SignatureFormat.STASH.value, "Stash: the body is signed, in base64"),
    (SignatureFormat.STICKER.value, "Sticker: the body is signed, as sha256=hex"),
]
SECRET_OVERLAPS: Final = [
    ("0", "Not at all: the old secret ends now (emergency)"),
    ("3600", "1 hour"),
    ("86400", "24 hours"),
    ("259200", "72 hours"),
    ("604800", "7 days"),
]
_TYPES_HELP: Final = "One a line. A type such as order.shipped, or one with * in it: order.*, *.created, or * alone for all."


class EndpointForm(forms.Form):
    """What an endpoint shall be."""

    url = forms.CharField(
        max_length=MAX_URL_CHARS,
        label="URL",
        help_text="Over https, to a public host. It gets a signed ping first, and deliveries once it has answered 2xx.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "https://"}),
    )
    event_types = forms.CharField(
        max_length=5100,
        label="Event types",
        help_text=_TYPES_HELP,
        initial="*",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "sa-mono"}),
    )
    signature_format = forms.ChoiceField(
        choices=FORMATS, widget=forms.RadioSelect, initial=SignatureFormat.STANDARD.value, label="Signature format"
    )
    description = forms.CharField(max_length=200, required=False)
    max_concurrency = forms.IntegerField(
        min_value=1, max_value=MAX_CONCURRENCY, initial=5, label="Calls at once", help_text="At most."
    )
    rate_per_minute = forms.IntegerField(
        min_value=1, required=False, label="Calls a minute", help_text="Empty: as fast as the receiver answers."
    )
    echoes_challenge = forms.BooleanField(
        required=False, label="The answer to the ping has to repeat its challenge", help_text="Any 2xx proves it otherwise."
    )

    def spec(self) -> EndpointSpec:
        """What was typed, as the service wants it."""
        fields = self.cleaned_data
        return EndpointSpec(
            url=fields["url"],
            event_types=tuple(line.strip() for line in fields["event_types"].splitlines() if line.strip()),
            signature_format=SignatureFormat(fields["signature_format"]),
            description=fields["description"],
            max_concurrency=fields["max_concurrency"],
            rate_per_minute=fields["rate_per_minute"],
            echoes_challenge=fields["echoes_challenge"],
        )


class CreateEndpointForm(EndpointForm, OnceForm):
    """A new endpoint of a partner."""

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
    field_order = ("partner", "environment", "url", "event_types", "signature_format")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partner_slugs = list(Partner.objects.active().order_by("slug").values_list("slug", flat=True)[:200])

    def clean_partner(self) -> Partner:
        try:
            return find_partner(self.cleaned_data["partner"].strip())
        except PartnerNotFoundError as error:
            raise forms.ValidationError("No partner has this slug or id.") from error

    def clean_environment(self) -> Environment:
        return Environment(self.cleaned_data["environment"])


class EditEndpointForm(EndpointForm, ReasonForm):
    """Other facts of an endpoint, and why."""

    @staticmethod
    def initial_of(endpoint: Endpoint) -> dict[str, Any]:
        """The form as the endpoint is now."""
        names = ("url", "signature_format", "description", "max_concurrency", "rate_per_minute", "echoes_challenge")
        return {**{name: getattr(endpoint, name) for name in names}, "event_types": "\n".join(endpoint.event_types)}


class RotateSecretForm(OnceForm, ReasonForm):
    """How long the old secret stays valid."""

    overlap = forms.ChoiceField(
        choices=SECRET_OVERLAPS, widget=forms.RadioSelect, initial="86400", label="The old secret stays valid for"
    )
    field_order = ("overlap", "reason")

    def delta(self) -> timedelta:
        """The overlap that was chosen."""
        return timedelta(seconds=int(self.cleaned_data["overlap"]))


class TestEventForm(forms.Form):
    """Which sample to send."""

    __test__ = False  # not a test class, whatever pytest thinks
    event_type = forms.CharField(
        max_length=100,
        label="Event type",
        initial="order.shipped",
        help_text="Its sample is sent, whatever the endpoint's filter and state.",
        widget=forms.TextInput(attrs={"list": "event-types", "autocomplete": "off", "spellcheck": "false", "class": "sa-mono"}),
    )

    @property
    def known_types(self) -> list[str]:
        """Every type that has a sample."""
        return [each.type for each in CATALOGUE.values() if each.is_subscribable]


class ReplayForm(forms.Form):
    """Which deliveries to send again."""

    since = forms.DateTimeField(
        label="Made since (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    until = forms.DateTimeField(
        label="And before (UTC)",
        required=False,
        help_text="Empty: until now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    types = forms.CharField(max_length=2000, initial="*", label="Event types", help_text="With comma between; * is allowed.")
    states = forms.MultipleChoiceField(
        choices=[(each.value, each.label) for each in REPLAYABLE],
        widget=forms.CheckboxSelectMultiple,
        initial=[DeliveryState.FAILED.value],
    )

    def window(self) -> ReplayWindow:
        """What was typed, as the service wants it."""
        fields = self.cleaned_data
        until: datetime = fields["until"] or timezone.now()
        types = tuple(each.strip() for each in fields["types"].split(",") if each.strip())
        states = tuple(DeliveryState(each) for each in fields["states"])
        return ReplayWindow(fields["since"].astimezone(UTC), until.astimezone(UTC), types or ("*",), states)
