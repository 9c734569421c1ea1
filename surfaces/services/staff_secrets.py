"""Passwords and secrets that staff have made by a form: each form works once, so that a reload of the answer makes none."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

from django.db import transaction

from core.principals import Actor
from organizations.models import Profile
from partners.idempotency import fingerprint
from partners.models import IdempotencyRecord, Partner
from surfaces.models import CustomerAccount, ResellerAccount, ResellerClient
from surfaces.services.accounts import rows_of
from surfaces.services.clients import ClientSpec, IssuedSecret, create_client, rotate_secret
from surfaces.services.customers import open_customer
from surfaces.services.resellers import PasswordSet, ResellerSpec, open_reseller, set_password

A = TypeVar("A", bound=ResellerAccount | ResellerClient | CustomerAccount)
P = TypeVar("P", bound=ResellerAccount | CustomerAccount)


@dataclass(frozen=True, slots=True)
class ShownSecret(Generic[A]):
    """What a form has made; the secret is None when the form comes a second time, because it is shown once."""

    account: A
    secret: str | None = field(repr=False)


def create_reseller_by_form(
    partner: Partner, *, spec: ResellerSpec, form_id: str, actor: Actor
) -> ShownSecret[ResellerAccount]:
    """Create a reseller's account with a password, once per form.

    Raises: EmailTakenError, InvalidRequestError.
    """

    def act() -> PasswordSet:
        return open_reseller(partner, spec=spec, actor=actor)

    return _password_once(ResellerAccount, partner.pk, spec.environment.value, form_id, act)


def create_customer_by_form(profile: Profile, *, email: str, form_id: str, actor: Actor) -> ShownSecret[CustomerAccount]:
    """Give a user an account with a password, once per form.

    Raises: EmailTakenError, InvalidRequestError.
    """

    def act() -> PasswordSet:
        return open_customer(profile, email=email, actor=actor)

    return _password_once(CustomerAccount, profile.partner_id, profile.environment, form_id, act)


def set_password_by_form(account: P, *, reason: str, form_id: str, actor: Actor) -> ShownSecret[P]:
    """Give an account a new password, once per form."""
    return _password_once(
        type(account),
        account.partner_id,
        account.environment,
        form_id,
        lambda: set_password(account, reason=reason, actor=actor),
    )


def create_client_by_form(partner: Partner, *, spec: ClientSpec, form_id: str, actor: Actor) -> ShownSecret[ResellerClient]:
    """Create a client with its first secret, once per form.

    Raises: InvalidRequestError.
    """
    return _secret_once(partner.pk, spec.environment.value, form_id, lambda: create_client(partner, spec=spec, actor=actor))


def rotate_secret_by_form(
    client: ResellerClient, *, overlap: timedelta, reason: str, form_id: str, actor: Actor
) -> ShownSecret[ResellerClient]:
    """Give a client a new secret, once per form.

    Raises: AccountStateError.
    """
    return _secret_once(
        client.partner_id,
        client.environment,
        form_id,
        lambda: rotate_secret(client, overlap=overlap, reason=reason, actor=actor),
    )


def _password_once(
    model: type[P], partner_id: UUID, environment: str, form_id: str, act: Callable[[], PasswordSet]
) -> ShownSecret[P]:
    with transaction.atomic():
        kept, is_first = _kept(partner_id, environment, "staff.password", form_id)
        if not is_first:
            return ShownSecret(_again(model, kept), None)
        made = act()
        _keep(kept, made.account.pk)
    return ShownSecret(rows_of(model).select_related("partner").get(pk=made.account.pk), made.password)


def _secret_once(
    partner_id: UUID, environment: str, form_id: str, act: Callable[[], IssuedSecret]
) -> ShownSecret[ResellerClient]:
    with transaction.atomic():
        kept, is_first = _kept(partner_id, environment, "staff.client_secret", form_id)
        if not is_first:
            return ShownSecret(_again(ResellerClient, kept), None)
        made = act()
        _keep(kept, made.client.pk)
    return ShownSecret(made.client, made.secret)


def _kept(partner_id: UUID, environment: str, operation: str, form_id: str) -> tuple[IdempotencyRecord, bool]:
    return IdempotencyRecord.objects.get_or_create(
        partner_id=partner_id,
        environment=environment,
        operation=operation,
        key=form_id,
        defaults={"fingerprint": fingerprint(form_id.encode())},
    )


def _keep(record: IdempotencyRecord, made: UUID) -> None:
    record.status, record.answer = 201, {"id": str(made)}
    record.save(update_fields=["status", "answer"])


def _again(model: type[A], record: IdempotencyRecord) -> A:
    return rows_of(model).select_related("partner").get(pk=record.answer["id"])
