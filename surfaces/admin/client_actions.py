"""What staff do with resellers' clients alone: create, edit, rotate their secrets, revoke one."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from core.principals import Actor
from partners.services.keys import Overlap
from surfaces import account_forms as asks
from surfaces.admin.account_actions import DISABLE_RESELLER, MANAGE_RESELLER, FromList, OnAccount, ShowsSecret
from surfaces.models import ResellerClient
from surfaces.services import clients, staff_secrets


class CreateClient(FromList[asks.CreateClientForm], ShowsSecret[asks.CreateClientForm]):
    """A new client with its first secret."""

    name = "create"
    label = "Create client"
    title = "Create a reseller client"
    submit_label = "Create client"
    permission = MANAGE_RESELLER
    form_class = asks.CreateClientForm
    what = "secret"

    def perform(self, form: asks.CreateClientForm, actor: Actor) -> HttpResponse:
        form_id = form.cleaned_data["form_id"]
        return self.reveal(staff_secrets.create_client_by_form(form.owner(), spec=form.spec(), form_id=form_id, actor=actor))


class EditClient(OnAccount[asks.EditClientForm]):
    """Change a client's name and scopes."""

    name = "edit"
    label = "Edit"
    section = "Client"
    title = "Edit"
    submit_label = "Save"
    permission = MANAGE_RESELLER
    form_class = asks.EditClientForm
    row: ResellerClient

    def make_form(self, **kwargs: Any) -> asks.EditClientForm:
        return super().make_form(account=self.row, **kwargs)

    def perform(self, form: asks.EditClientForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        clients.update_client(self.row, name=fields["name"], scopes=fields["scopes"], reason=fields["reason"], actor=actor)
        return self.done(self.back_url(), "The client was saved.")


class RotateSecret(OnAccount[asks.RotateSecretForm], ShowsSecret[asks.RotateSecretForm]):
    """A new secret beside the one before, or in its place."""

    name = "rotate"
    label = "Rotate secret"
    section = "Secrets"
    title = "Rotate the secret"
    submit_label = "Make a new secret"
    permission = MANAGE_RESELLER
    form_class = asks.RotateSecretForm
    what = "secret"
    row: ResellerClient

    @classmethod
    def is_offered(cls, request: HttpRequest, row: ResellerClient) -> bool:
        return row.is_enabled

    def perform(self, form: asks.RotateSecretForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        shown = staff_secrets.rotate_secret_by_form(
            self.row,
            overlap=Overlap(fields["overlap"]).delta,
            reason=fields["reason"],
            form_id=fields["form_id"],
            actor=actor,
        )
        return self.reveal(shown)


class RevokeSecret(OnAccount[asks.RevokeSecretForm]):
    """End one secret at once."""

    name = "revoke-secret"
    label = "Revoke a secret"
    section = "Secrets"
    title = "Revoke a secret"
    submit_label = "Revoke secret"
    permission = DISABLE_RESELLER
    tone = "danger"
    form_class = asks.RevokeSecretForm
    row: ResellerClient

    @classmethod
    def is_offered(cls, request: HttpRequest, row: ResellerClient) -> bool:
        return row.secrets.filter(revoked_at=None).exists()

    def make_form(self, **kwargs: Any) -> asks.RevokeSecretForm:
        return super().make_form(account=self.row, **kwargs)

    def warnings(self) -> list[str]:
        return ["The secret stops working and every token of this client ends with the next request. It does not come back."]

    def perform(self, form: asks.RevokeSecretForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        clients.revoke_secret(self.row, secret_id=fields["secret"].pk, reason=fields["reason"], actor=actor)
        return self.done(self.back_url(), "The secret was revoked.")
