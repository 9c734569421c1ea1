"""Resellers' accounts: create, change, and give a new password, which is generated and shown once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor, Environment
from partners.models import Partner
from partners.scopes import Scope
from surfaces import passwords
from surfaces.models import CustomerAccount, ResellerAccount
from surfaces.services.accounts import act_on, fresh, lock_account, rows_of
from surfaces.token_errors import EmailTakenError

MAX_EMAIL_CHARS = 254
P = TypeVar("P", bound=ResellerAccount | CustomerAccount)
_is_email = EmailValidator(message="This is not an e-mail address.")


@dataclass(frozen=True, slots=True)
class ResellerSpec:
    """What a new account is and may do."""

    environment: Environment
    email: str
    name: str = ""
    scopes: Sequence[Scope] = ()
    is_api_enabled: bool = True


def create_reseller(partner: Partner, *, spec: ResellerSpec, actor: Actor) -> ResellerAccount:
    """Create an account without a password: nobody can sign in to it before one is set.

    Raises: EmailTakenError when an account has this e-mail address already, in whatever case; InvalidRequestError.
    """
    account = ResellerAccount(
        partner=partner,
        environment=spec.environment.value,
        email=checked_email(spec.email),
        name=spec.name.strip(),
        scopes=list(spec.scopes),
        is_api_enabled=spec.is_api_enabled,
        created_by=actor.label or actor.id,
    )
    with taking_email(), transaction.atomic():
        account.save(force_insert=True)
        data = {"scopes": [str(scope) for scope in spec.scopes], "is_api_enabled": spec.is_api_enabled}
        record(act_on(account, EventType.ACCOUNT_CREATED, actor, data=data))
    return fresh(account)


def update_reseller(
    account: ResellerAccount, *, name: str, scopes: Sequence[Scope], is_api_enabled: bool, reason: str, actor: Actor
) -> ResellerAccount:
    """Change what an account may do; what is taken away, its tokens lose with the next request."""
    with transaction.atomic():
        locked = lock_account(account)
        before = _policy(locked)
        locked.name, locked.scopes, locked.is_api_enabled = name.strip(), list(scopes), is_api_enabled
        if _policy(locked) != before:
            locked.save(update_fields=["name", "scopes", "is_api_enabled"])
            data = {"before": before, "after": _policy(locked)}
            record(act_on(locked, EventType.ACCOUNT_UPDATED, actor, reason=reason, data=data))
    return fresh(locked)


@dataclass(frozen=True, slots=True)
class PasswordSet:
    """An account with its new password, which exists only here and in the one answer that shows it."""

    account: ResellerAccount | CustomerAccount
    password: str = field(repr=False)


def set_password(account: P, *, reason: str, actor: Actor) -> PasswordSet:
    """Generate a new password for an account; every token and session of it ends."""
    password = passwords.generate_password()
    with passwords.hashing():
        stored = passwords.hash_password(password)
    with transaction.atomic():
        locked = lock_account(account)
        rows_of(type(locked)).filter(pk=locked.pk).update(password=stored, password_set_at=Now(), epoch=F("epoch") + 1)
        record(act_on(locked, EventType.ACCOUNT_PASSWORD_SET, actor, reason=reason))
    return PasswordSet(fresh(locked), password)


def open_reseller(partner: Partner, *, spec: ResellerSpec, actor: Actor) -> PasswordSet:
    """Create an account with its first password, both or neither.

    Raises: EmailTakenError, InvalidRequestError.
    """
    with transaction.atomic():
        return set_password(create_reseller(partner, spec=spec, actor=actor), reason="", actor=actor)


def checked_email(email: str) -> str:
    """Trim an e-mail address.

    Raises: InvalidRequestError.
    """
    email = email.strip()
    try:
        _is_email(email)
    except ValidationError as error:
        raise InvalidRequestError(details=[FieldProblem("email", error.messages[0])]) from error
    if len(email) > MAX_EMAIL_CHARS:
        raise InvalidRequestError(details=[FieldProblem("email", f"At most {MAX_EMAIL_CHARS} characters.")])
    return email


@contextmanager
def taking_email() -> Iterator[None]:
    """Turn the database's refusal of an e-mail address into ours.

    Raises: EmailTakenError.
    """
    try:
        yield
    except IntegrityError as error:
        if "email_once" not in str(error):
            raise
        raise EmailTakenError(details=[FieldProblem("email", EmailTakenError.message)]) from error


def _policy(account: ResellerAccount) -> dict[str, object]:
    return {
        "name": account.name,
        "scopes": [str(scope) for scope in account.scopes],
        "is_api_enabled": account.is_api_enabled,
    }
