"""What staff do with any kind of account: disable, enable, and end all tokens. Effective on the next request, everywhere."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import Act, record
from core.principals import Actor
from surfaces.models import CustomerAccount, ResellerAccount, ResellerClient
from surfaces.token_errors import AccountNotFoundError

Account = ResellerAccount | ResellerClient | CustomerAccount
A = TypeVar("A", bound=Account)
SUBJECT_TYPES: Final[Mapping[type, str]] = {ResellerAccount: "reseller", ResellerClient: "client", CustomerAccount: "customer"}


def disable_account(account: A, *, reason: str, actor: Actor) -> A:
    """Give an account no more tokens, and end those it has. Safe to call twice."""
    with transaction.atomic():
        locked = lock_account(account)
        if locked.disabled_at is None:
            rows_of(type(locked)).filter(pk=locked.pk).update(disabled_at=Now(), epoch=F("epoch") + 1)
            record(act_on(locked, EventType.ACCOUNT_DISABLED, actor, reason=reason))
    return fresh(locked)


def enable_account(account: A, *, reason: str, actor: Actor) -> A:
    """Let a disabled account have tokens again; those that were ended stay ended. Safe to call twice."""
    with transaction.atomic():
        locked = lock_account(account)
        if locked.disabled_at is not None:
            rows_of(type(locked)).filter(pk=locked.pk).update(disabled_at=None)
            record(act_on(locked, EventType.ACCOUNT_ENABLED, actor, reason=reason))
    return fresh(locked)


def revoke_tokens(account: A, *, reason: str, actor: Actor) -> A:
    """End every token and session of an account by raising its epoch; it may sign in again at once."""
    with transaction.atomic():
        locked = lock_account(account)
        rows_of(type(locked)).filter(pk=locked.pk).update(epoch=F("epoch") + 1)
        record(act_on(locked, EventType.ACCOUNT_TOKENS_REVOKED, actor, reason=reason))
    return fresh(locked)


def find_account(model: type[A], identifier: str) -> A:
    """Find an account by id, a client by its client id too.

    Raises: AccountNotFoundError.
    """
    found = rows_of(model).select_related("partner").filter(**_question(model, identifier)).first()
    if found is None:
        raise AccountNotFoundError(reason="unknown_account")
    return found


def lock_account(account: A) -> A:
    """Take an account's row for the rest of the transaction, as it is now.

    Raises: AccountNotFoundError when it is gone.
    """
    locked = rows_of(type(account)).select_for_update(no_key=True).filter(pk=account.pk).first()
    if locked is None:
        raise AccountNotFoundError(reason="unknown_account")
    return locked


def fresh(account: A) -> A:
    """Read an account anew, with its partner."""
    return rows_of(type(account)).select_related("partner").get(pk=account.pk)


def act_on(
    account: Account, event: EventType, actor: Actor, *, reason: str = "", data: Mapping[str, object] | None = None
) -> Act:
    """An act on an account in the words of the ledger, which keeps its id and never its e-mail address."""
    subject_id = account.client_id if isinstance(account, ResellerClient) else str(account.pk)
    return Act(
        event, actor, account.partner_id, account.environment, SUBJECT_TYPES[type(account)], subject_id, reason, data or {}
    )


def rows_of(model: type[A]) -> "models.QuerySet[A]":
    """The rows of one kind of account."""
    manager: Any = model._default_manager
    rows: models.QuerySet[A] = manager.all()
    return rows


def _question(model: type, identifier: str) -> dict[str, object]:
    if model is ResellerClient and identifier.startswith("rc_"):
        return {"client_id": identifier}
    try:
        return {"pk": UUID(identifier)}
    except ValueError:
        return {"email__iexact": identifier} if model is ResellerAccount else {"pk": None}
