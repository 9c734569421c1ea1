"""What staff do with endpoints: add, edit, verify, test, pause, resume, disable, enable, rotate, replay, delete."""

from typing import Any, Final, TypeVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.admin_actions import ConsoleAction, ReasonForm, confirmation_field
from audit.admin_base import Fact
from audit.admin_display import moment, thousands
from core.principals import Actor
from webhooks.admin.display import host_text, status_badge
from webhooks.forms import CreateEndpointForm, EditEndpointForm, ReplayForm, RotateSecretForm, TestEventForm
from webhooks.models import Delivery, DeliveryState, Endpoint
from webhooks.reasons import DisabledReason
from webhooks.services import endpoints, probes, replays
from webhooks.services.staff_secrets import ShownSecret, create_endpoint_by_form, rotate_secret_by_form

ENDPOINT_PAGE: Final = "admin:webhooks_endpoint_change"
F = TypeVar("F", bound=forms.Form)


class EndpointAction(ConsoleAction[F]):
    """An act on one endpoint that is still there."""

    row: Endpoint

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Endpoint) -> bool:
        return row.deleted_at is None

    def facts(self) -> list[Fact]:
        waiting = Delivery.objects.filter(endpoint=self.row, state__in=[DeliveryState.PENDING, DeliveryState.PARKED]).count()
        return [
            Fact("Endpoint", host_text(self.row)),
            Fact("Status", status_badge(self.row)),
            Fact("Last success", moment(self.row.last_success_at, empty="never")),
            Fact("Waiting deliveries", thousands(waiting)),
        ]


class ShowsSecret(ConsoleAction[F]):
    """An act whose answer shows a new secret, this once; never a redirect; `never_cache` keeps it out of caches."""

    def reveal(self, shown: ShownSecret) -> HttpResponse:
        """Answer with the secret, or say that this form has done its work before."""
        url = reverse(ENDPOINT_PAGE, args=[shown.endpoint.pk])
        if shown.plaintext is None:
            return self.show("webhooks/form_used.html", {"endpoint": shown.endpoint, "done_url": url}, status=409)
        extra = {
            "endpoint": shown.endpoint,
            "plaintext": shown.plaintext,
            "is_pending": shown.is_pending,
            "done_url": url,
        }
        return self.show("webhooks/reveal.html", extra)


class CreateEndpoint(ShowsSecret[CreateEndpointForm]):
    """A new endpoint of a partner."""

    name = "create"
    label = "Add endpoint"
    title = "Add a webhook endpoint"
    submit_label = "Add endpoint"
    permission = "webhooks.manage_endpoint"
    is_on_row = False
    form_class = CreateEndpointForm
    panel_name = "partners/issue.html"

    def make_form(self, **kwargs: Any) -> CreateEndpointForm:
        asked = {name: self.request.GET[name] for name in ("partner", "environment") if name in self.request.GET}
        return super().make_form(initial=asked, **kwargs)

    def perform(self, form: CreateEndpointForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        return self.reveal(
            create_endpoint_by_form(
                fields["partner"],
                environment=fields["environment"],
                spec=form.spec(),
                form_id=fields["form_id"],
                actor=actor,
            )
        )


class EditEndpoint(EndpointAction[EditEndpointForm]):
    """Change an endpoint."""

    name = "edit"
    label = "Edit"
    section = "Endpoint"
    title = "Edit endpoint"
    submit_label = "Save"
    permission = "webhooks.manage_endpoint"
    form_class = EditEndpointForm

    def make_form(self, **kwargs: Any) -> EditEndpointForm:
        return super().make_form(initial=EditEndpointForm.initial_of(self.row), **kwargs)

    def warnings(self) -> list[str]:
        return ["A new URL has to answer a ping first; until then its deliveries wait."]

    def perform(self, form: EditEndpointForm, actor: Actor) -> HttpResponse:
        endpoints.update_endpoint(self.row.pk, spec=form.spec(), reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The endpoint was changed.")


class VerifyEndpoint(EndpointAction[forms.Form]):
    """Ping an endpoint anew."""

    name = "verify"
    label = "Send ping"
    title = "Ask the endpoint to prove itself"
    submit_label = "Send ping"
    permission = "webhooks.operate_endpoint"
    form_class = forms.Form

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Endpoint) -> bool:
        return row.deleted_at is None and row.verified_at is None

    def perform(self, form: forms.Form, actor: Actor) -> HttpResponse:
        probes.verify_endpoint(self.row.pk, actor=actor)
        return self.done(self.back_url(), "The ping is on its way.")


class TestEndpoint(EndpointAction[TestEventForm]):
    """Send a sample."""

    name = "test"
    label = "Send test"
    title = "Send a test event"
    submit_label = "Send"
    permission = "webhooks.operate_endpoint"
    form_class = TestEventForm
    panel_name = "webhooks/test.html"

    def refuse(self, form: TestEventForm, error: Any) -> None:
        for problem in error.details:
            form.add_error("event_type", problem.message)
        if not error.details:
            form.add_error(None, error.text)

    def perform(self, form: TestEventForm, actor: Actor) -> HttpResponse:
        delivery = probes.send_test(self.row.pk, event_type=form.cleaned_data["event_type"], actor=actor)
        url = reverse("admin:webhooks_delivery_change", args=[delivery.pk])
        return self.done(url, "The test event is on its way; this is its delivery.")


class PauseEndpoint(EndpointAction[ReasonForm]):
    """Park what goes to an endpoint."""

    name = "pause"
    label = "Pause"
    title = "Pause endpoint"
    submit_label = "Pause"
    permission = "webhooks.operate_endpoint"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Endpoint) -> bool:
        return row.deleted_at is None and row.paused_at is None

    def warnings(self) -> list[str]:
        return ["Deliveries wait and nothing is lost. Resume sends them in their order."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        endpoints.pause_endpoint(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The endpoint is paused.")


class ResumeEndpoint(EndpointAction[ReasonForm]):
    """Let a paused endpoint have its deliveries again."""

    name = "resume"
    label = "Resume"
    title = "Resume endpoint"
    submit_label = "Resume"
    permission = "webhooks.operate_endpoint"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Endpoint) -> bool:
        return row.deleted_at is None and row.paused_at is not None

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        endpoints.resume_endpoint(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The endpoint gets its deliveries again.")


class DisableEndpoint(EndpointAction[ReasonForm]):
    """Take an endpoint out of use until staff undo it."""

    name = "disable"
    label = "Disable"
    title = "Disable endpoint"
    submit_label = "Disable"
    permission = "webhooks.disable_endpoint"
    tone = "danger"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Endpoint) -> bool:
        return row.deleted_at is None and row.disabled_reason != DisabledReason.STAFF

    def warnings(self) -> list[str]:
        return ["Deliveries wait. The partner cannot undo this; staff can."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        reason = form.cleaned_data["reason"]
        endpoints.disable_endpoint(self.row.pk, because=DisabledReason.STAFF, reason=reason, actor=actor)
        return self.done(self.back_url(), "The endpoint is disabled.")


class EnableEndpoint(EndpointAction[ReasonForm]):
    """Take a disabled endpoint back into use."""

    name = "enable"
    label = "Enable"
    title = "Enable endpoint"
    submit_label = "Enable"
    permission = "webhooks.disable_endpoint"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Endpoint) -> bool:
        return row.deleted_at is None and row.disabled_at is not None

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        endpoints.enable_endpoint(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The endpoint gets its deliveries again, with a clean record.")


class RotateSecret(EndpointAction[RotateSecretForm], ShowsSecret[RotateSecretForm]):
    """A new signing secret."""

    name = "rotate"
    label = "Rotate secret"
    section = "Signing secrets"
    title = "Rotate the signing secret"
    submit_label = "Make a new secret"
    permission = "webhooks.rotate_endpointsecret"
    form_class = RotateSecretForm

    def warnings(self) -> list[str]:
        return [
            "The new secret takes over once the receiver has answered a ping signed with it. Without an overlap it takes over"
            " now, and deliveries fail until the receiver knows it."
        ]

    def perform(self, form: RotateSecretForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        shown = rotate_secret_by_form(
            self.row, overlap=form.delta(), reason=fields["reason"], form_id=fields["form_id"], actor=actor
        )
        return self.reveal(shown)


class ReplayDeliveries(EndpointAction[ReplayForm]):
    """Send the deliveries of a time window again."""

    name = "replay"
    label = "Replay"
    title = "Send past deliveries again"
    submit_label = "Send again"
    permission = "webhooks.replay_delivery"
    form_class = ReplayForm

    def warnings(self) -> list[str]:
        return ["Receivers get the same ids once more, marked as replays; one that ignores ids does everything twice."]

    def perform(self, form: ReplayForm, actor: Actor) -> HttpResponse:
        count = replays.replay_window(self.row.pk, window=form.window(), actor=actor)
        return self.done(self.back_url(), f"{thousands(count)} deliveries are sent again.")


class DeleteEndpoint(EndpointAction[ReasonForm]):
    """End an endpoint for good."""

    name = "delete"
    label = "Delete"
    title = "Delete endpoint"
    submit_label = "Delete for good"
    permission = "webhooks.manage_endpoint"
    tone = "danger"
    form_class = ReasonForm

    def make_form(self, **kwargs: Any) -> ReasonForm:
        form = super().make_form(**kwargs)
        form.fields["confirm"] = confirmation_field(str(self.row.pk)[:8], what="first 8 characters of the endpoint's id")
        return form

    def warnings(self) -> list[str]:
        return ["This cannot be undone. What was not delivered is cancelled, and its secrets are forgotten. The log stays."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        endpoints.delete_endpoint(self.row.pk, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), "The endpoint was deleted.")
