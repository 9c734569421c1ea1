"""The signature doctor on an endpoint's page: staff paste what a partner's receiver got, and read what is wrong with it."""

from typing import Final

from django import forms
from django.http import HttpRequest, HttpResponse

from audit.admin_actions import ConsoleAction
from audit.admin_base import Fact
from audit.admin_display import badge
from core.principals import Actor
from webhooks.doctor import Diagnosis, parse_headers
from webhooks.formats import SignatureFormat
from webhooks.models import Endpoint
from webhooks.services.diagnoses import Sample, diagnose_delivery

MAX_HEADERS_CHARS: Final = 32 * 1024
MAX_BODY_CHARS: Final = 128 * 1024
_PLAIN: Final = {"spellcheck": "false", "autocomplete": "off", "class": "sa-mono"}


class DoctorForm(forms.Form):
    """What is known of one delivery. The receiver's secret is used for one answer; it is stored and shown nowhere."""

    headers = forms.CharField(
        max_length=MAX_HEADERS_CHARS,
        widget=forms.Textarea(attrs={"rows": 6, **_PLAIN}),
        help_text="One a line, as curl or a log shows them, or as a JSON object.",
    )
    body = forms.CharField(
        max_length=MAX_BODY_CHARS,
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, **_PLAIN}),
        help_text="As the receiver's code has it. A line end behind it counts.",
    )
    signature_format = forms.ChoiceField(
        choices=[("", "The endpoint's")] + [(each.value, each.value) for each in SignatureFormat],
        required=False,
        label="How the receiver verifies",
    )
    received_at = forms.DateTimeField(required=False, label="Received at (UTC)", help_text="2026-01-31 09:30:00. Empty: now.")
    computed = forms.CharField(
        max_length=4096,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
        label="What the receiver's code computed",
        help_text="Its own signature, if its log has it: it says what it was made from.",
    )
    receiver_secret = forms.CharField(
        max_length=512,
        strip=False,
        required=False,
        widget=forms.PasswordInput(attrs={**_PLAIN, "autocomplete": "new-password"}),
        label="The receiver's secret",
        help_text="Only on its owner's own screen. It is compared once, and neither stored nor shown.",
    )

    def clean_headers(self) -> dict[str, str]:
        found = parse_headers(self.cleaned_data["headers"])
        if not found:
            raise forms.ValidationError("No header can be read here. Write NAME: VALUE, one a line.")
        return found

    def clean_body(self) -> bytes:
        # A browser sends every line end of a text area as CRLF, whatever was pasted.
        return str(self.cleaned_data["body"]).replace("\r\n", "\n").encode()

    def sample(self) -> Sample:
        """The delivery for the doctor."""
        fields = self.cleaned_data
        given = fields["signature_format"]
        return Sample(
            headers=fields["headers"],
            body=fields["body"],
            signature_format=SignatureFormat(given) if given else None,
            received_at=fields["received_at"],
            computed=fields["computed"],
            receiver_secret=fields["receiver_secret"],
        )


class DiagnoseSignature(ConsoleAction[DoctorForm]):
    """Say why a receiver refuses a delivery; nothing is changed and nothing is kept."""

    name = "diagnose"
    label = "Signature doctor"
    title = "Why does the signature not fit?"
    submit_label = "Diagnose"
    permission = "webhooks.view_endpoint"
    form_class = DoctorForm
    row: Endpoint
    diagnosis: Diagnosis | None = None

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Endpoint) -> bool:
        return row.deleted_at is None

    def facts(self) -> list[Fact]:
        if self.diagnosis is None:
            return []
        verdict = badge("fits", tone="ok") if self.diagnosis.fits else badge("does not fit", tone="bad")
        found = [Fact(each.title, each.text) for each in self.diagnosis.findings]
        return [Fact("The signature", verdict), *(found or [Fact("Mistakes", "None was found.")])]

    def perform(self, form: DoctorForm, actor: Actor) -> HttpResponse:
        self.diagnosis = diagnose_delivery(self.row, sample=form.sample())
        return self.ask(form)
