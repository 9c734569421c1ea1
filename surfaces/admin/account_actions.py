"""What staff do with accounts of any kind: create, give passwords and secrets, switch off and on, end their tokens."""

from typing import Any, TypeVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit.admin_actions import ConsoleAction, ReasonForm
from core.principals import Actor, Environment
from surfaces import account_forms as asks
from surfaces.models import CustomerAccount, ResellerAccount, ResellerClient
from surfaces.services import accounts, customers, resellers, staff_secrets
from surfaces.services.staff_secrets import ShownSecret

F = TypeVar("F", bound=forms.Form)
MANAGE_RESELLER = "surfaces.manage_reseller"
DISABLE_RESELLER = "surfaces.disable_reseller"
MANAGE_CUSTOMER = "surfaces.manage_customer"
DISABLE_CUSTOMER = "surfaces.disable_customer"
Row = ResellerAccount | ResellerClient | CustomerAccount


class ShowsSecret(ConsoleAction[F]):
    """An act whose answer shows a password or secret, this once; never a redirect, and no cache keeps it."""

    what = "password"

    def reveal(self, shown: "ShownSecret[Any]") -> HttpResponse:
        """Answer with the secret, or say that this form has done its work before."""
        url = reverse(f"admin:{self.admin.url_name('change')}", args=[self.admin.object_id(shown.account)])
        extra = {"what": self.what, "account": shown.account, "done_url": url, "name": name_of(shown.account)}
        if shown.secret is None:
            return self.show("surfaces/secret_shown.html", extra, status=409)
        return self.show("surfaces/secret.html", {**extra, "plaintext": shown.secret})


class FromList(ConsoleAction[F]):
    """An act that makes something; a partner's page opens it with the partner filled in."""

    is_on_row = False

    def make_form(self, **kwargs: Any) -> F:
        asked = {name: self.request.GET[name] for name in ("partner", "environment", "profile") if name in self.request.GET}
        return super().make_form(initial=asked, **kwargs)


class OnAccount(ConsoleAction[F]):
    """An act on one account."""

    row: Row

    def heading(self) -> str:
        return f"{self.title}: {name_of(self.row)}"


class CreateReseller(FromList[asks.CreateResellerForm], ShowsSecret[asks.CreateResellerForm]):
    """A new account with its first password."""

    name = "create"
    label = "Create account"
    title = "Create a reseller account"
    submit_label = "Create account"
    permission = MANAGE_RESELLER
    form_class = asks.CreateResellerForm

    def perform(self, form: asks.CreateResellerForm, actor: Actor) -> HttpResponse:
        form_id = form.cleaned_data["form_id"]
        return self.reveal(staff_secrets.create_reseller_by_form(form.owner(), spec=form.spec(), form_id=form_id, actor=actor))


class EditReseller(OnAccount[asks.EditResellerForm]):
    """Change what an account may do."""

    name = "edit"
    label = "Edit"
    section = "Account"
    title = "Edit"
    submit_label = "Save"
    permission = MANAGE_RESELLER
    form_class = asks.EditResellerForm
    row: ResellerAccount

    def make_form(self, **kwargs: Any) -> asks.EditResellerForm:
        return super().make_form(account=self.row, **kwargs)

    def perform(self, form: asks.EditResellerForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        resellers.update_reseller(
            self.row,
            name=fields["name"],
            scopes=fields["scopes"],
            is_api_enabled=fields["is_api_enabled"],
            reason=fields["reason"],
            actor=actor,
        )
        return self.done(self.back_url(), "The account was saved.")


class SetPassword(OnAccount[asks.PasswordForm], ShowsSecret[asks.PasswordForm]):
    """A new password, generated and shown once."""

    name = "password"
    label = "New password"
    title = "New password"
    submit_label = "Generate password"
    form_class = asks.PasswordForm
    row: ResellerAccount | CustomerAccount

    def warnings(self) -> list[str]:
        return ["The password before stops working, and every token and session of this account ends with the next request."]

    def perform(self, form: asks.PasswordForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        shown = staff_secrets.set_password_by_form(self.row, reason=fields["reason"], form_id=fields["form_id"], actor=actor)
        return self.reveal(shown)


class SetResellerPassword(SetPassword):
    permission = MANAGE_RESELLER


class SetCustomerPassword(SetPassword):
    permission = MANAGE_CUSTOMER


class Disable(OnAccount[ReasonForm]):
    """No more tokens, and those that are out end."""

    name = "disable"
    label = "Disable"
    title = "Disable"
    submit_label = "Disable"
    tone = "danger"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Row) -> bool:
        return row.is_enabled

    def warnings(self) -> list[str]:
        return ["It gets no more tokens, and those it has are refused from the next request on. Enable lets it in again."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        accounts.disable_account(self.row, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{name_of(self.row)} is disabled.")


class Enable(OnAccount[ReasonForm]):
    """Let it have tokens again."""

    name = "enable"
    label = "Enable"
    title = "Enable"
    submit_label = "Enable"
    form_class = ReasonForm

    @classmethod
    def is_offered(cls, request: HttpRequest, row: Row) -> bool:
        return not row.is_enabled

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        accounts.enable_account(self.row, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"{name_of(self.row)} is enabled.")


class RevokeTokens(OnAccount[ReasonForm]):
    """End every token that is out."""

    name = "revoke-tokens"
    label = "End all tokens"
    title = "End all tokens"
    submit_label = "End all tokens"
    tone = "danger"
    form_class = ReasonForm

    def warnings(self) -> list[str]:
        return ["Every token and session of it is refused from the next request on. It may sign in again at once."]

    def perform(self, form: ReasonForm, actor: Actor) -> HttpResponse:
        accounts.revoke_tokens(self.row, reason=form.cleaned_data["reason"], actor=actor)
        return self.done(self.back_url(), f"All tokens of {name_of(self.row)} have ended.")


class DisableReseller(Disable):
    permission = DISABLE_RESELLER


class EnableReseller(Enable):
    permission = DISABLE_RESELLER


class RevokeResellerTokens(RevokeTokens):
    permission = DISABLE_RESELLER


class DisableCustomer(Disable):
    permission = DISABLE_CUSTOMER


class EnableCustomer(Enable):
    permission = DISABLE_CUSTOMER


class RevokeCustomerTokens(RevokeTokens):
    permission = DISABLE_CUSTOMER


class CreateCustomer(FromList[asks.CreateCustomerForm], ShowsSecret[asks.CreateCustomerForm]):
    """An account for a user, with its first password."""

    name = "create"
    label = "Create account"
    title = "Let a user sign in with a password"
    submit_label = "Create account"
    permission = MANAGE_CUSTOMER
    form_class = asks.CreateCustomerForm

    def perform(self, form: asks.CreateCustomerForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        shown = staff_secrets.create_customer_by_form(
            fields["profile"], email=fields["email"], form_id=fields["form_id"], actor=actor
        )
        return self.reveal(shown)


class AllowPasswords(FromList[asks.PasswordPolicyForm]):
    """Let a shop's customers sign in with a password, or no longer."""

    name = "policy"
    label = "Password logins"
    title = "Password logins of a shop"
    submit_label = "Save"
    permission = MANAGE_CUSTOMER
    form_class = asks.PasswordPolicyForm

    def warnings(self) -> list[str]:
        return ["Sessions that are open stay open; end them on their own pages."]

    def perform(self, form: asks.PasswordPolicyForm, actor: Actor) -> HttpResponse:
        fields = form.cleaned_data
        customers.allow_customer_passwords(
            fields["partner"],
            environment=Environment(fields["environment"]),
            allowed=fields["is_allowed"] == "yes",
            reason=fields["reason"],
            actor=actor,
        )
        may = "may" if fields["is_allowed"] == "yes" else "may not"
        return self.done(self.back_url(), f"Customers of {fields['partner'].name} {may} sign in with a password.")


def name_of(account: Row) -> str:
    """What people call an account."""
    return account.client_id if isinstance(account, ResellerClient) else account.email
