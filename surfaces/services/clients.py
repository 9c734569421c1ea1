"""Resellers' clients: create, rotate their secrets, revoke one. A secret is shown once; at most two are good at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import record
from core.errors import FieldProblem, InvalidRequestError
from core.keyring import pepper_ring
from core.principals import Actor, Environment
from partners.models import Partner
from partners.scopes import Scope
from surfaces.client_secrets import ClientCredentials, new_client_id, new_secret
from surfaces.models import ClientSecret, ResellerClient
from surfaces.services.accounts import act_on, fresh, lock_account
from surfaces.token_errors import AccountNotFoundError, AccountStateError


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """What a new client is called and may do."""

    environment: Environment
    name: str
    scopes: Sequence[Scope] = ()


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A client with its new secret, which exists only here and in the one answer that shows it."""

    client: ResellerClient
    secret: str = field(repr=False)


def create_client(partner: Partner, *, spec: ClientSpec, actor: Actor) -> IssuedSecret:
    """Create a client with its first secret.

    Raises: InvalidRequestError without a name.
    """
    client = ResellerClient(
        partner=partner,
        environment=spec.environment.value,
        client_id=new_client_id(spec.environment),
        name=_checked_name(spec.name),
        scopes=list(spec.scopes),
        created_by=actor.label or actor.id,
    )
    with transaction.atomic():
        client.save(force_insert=True)
        secret = _add_secret(client)
        data = {"name": client.name, "scopes": [str(scope) for scope in spec.scopes]}
        record(act_on(client, EventType.ACCOUNT_CREATED, actor, data=data))
    return IssuedSecret(fresh(client), secret)


def update_client(client: ResellerClient, *, name: str, scopes: Sequence[Scope], reason: str, actor: Actor) -> ResellerClient:
    """Change a client's name and scopes; a scope that is taken away, its tokens lose with the next request.

    Raises: InvalidRequestError without a name.
    """
    with transaction.atomic():
        locked = lock_account(client)
        before = {"name": locked.name, "scopes": [str(scope) for scope in locked.scopes]}
        after = {"name": _checked_name(name), "scopes": [str(scope) for scope in scopes]}
        if after != before:
            locked.name, locked.scopes = _checked_name(name), list(scopes)
            locked.save(update_fields=["name", "scopes"])
            data = {"before": before, "after": after}
            record(act_on(locked, EventType.ACCOUNT_UPDATED, actor, reason=reason, data=data))
    return fresh(locked)


def rotate_secret(client: ResellerClient, *, overlap: timedelta, reason: str, actor: Actor) -> IssuedSecret:
    """Give a client a new secret; the newest one before works on for `overlap`, any older one ends now.

    Tokens got with an old secret stay good until they expire.
    Raises: AccountStateError when the client is disabled.
    """
    with transaction.atomic():
        locked = lock_account(client)
        if locked.disabled_at is not None:
            raise AccountStateError(reason="client_disabled")
        _end_old_secrets(locked, overlap)
        secret = _add_secret(locked)
        data = {"overlap_seconds": int(overlap.total_seconds())}
        record(act_on(locked, EventType.ACCOUNT_SECRET_ISSUED, actor, reason=reason, data=data))
    return IssuedSecret(fresh(locked), secret)


def revoke_secret(client: ResellerClient, *, secret_id: int, reason: str, actor: Actor) -> ResellerClient:
    """End one secret of a client at once, and every token of the client with it. Safe to call twice.

    Raises: AccountNotFoundError when the client has no such secret.
    """
    with transaction.atomic():
        locked = lock_account(client)
        secret = ClientSecret.objects.filter(pk=secret_id, client=locked).first()
        if secret is None:
            raise AccountNotFoundError("This client has no such secret.", reason="unknown_secret")
        if secret.revoked_at is None:
            ClientSecret.objects.filter(pk=secret.pk).update(revoked_at=Now())
            locked.epoch += 1
            locked.save(update_fields=["epoch"])
            record(act_on(locked, EventType.ACCOUNT_SECRET_REVOKED, actor, reason=reason, data={"secret": secret.pk}))
    return fresh(locked)


def _add_secret(client: ResellerClient) -> str:
    secret, pepper = new_secret(Environment(client.environment)), pepper_ring().active
    digest = ClientCredentials(client.client_id, secret).digest(pepper)
    ClientSecret.objects.create(client=client, digest=digest, pepper_id=pepper.id)
    return secret


def _end_old_secrets(client: ResellerClient, overlap: timedelta) -> None:
    """Let the newest live secret end after the overlap, and those before it now; none gets a longer life than it had."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH live AS (
                 SELECT id, row_number() OVER (ORDER BY id DESC) AS place FROM surfaces_clientsecret
                 WHERE client_id = %(client)s AND revoked_at IS NULL AND coalesce(expires_at > clock_timestamp(), true))
               UPDATE surfaces_clientsecret s
               SET expires_at = least(coalesce(s.expires_at, 'infinity'),
                 clock_timestamp() + CASE WHEN live.place = 1 THEN make_interval(secs => %(seconds)s) ELSE interval '0' END)
               FROM live WHERE live.id = s.id""",
            {"client": client.pk, "seconds": overlap.total_seconds()},
        )


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 120 or not name.isprintable():
        raise InvalidRequestError(details=[FieldProblem("name", "A name has 1 to 120 printable characters.")])
    return name
