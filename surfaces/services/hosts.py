"""Which host name is whose: giving one to a tenant, and taking it away."""

import re
from typing import Final
from uuid import UUID

from django.db import transaction

from audit.events import EventType
from audit.services import Act, record
from core.errors import FieldProblem, InvalidRequestError
from core.principals import Actor, Environment
from partners.errors import PartnerNotFoundError
from partners.models import Partner
from surfaces.decisions import host_name
from surfaces.errors import TenantHostTakenError
from surfaces.models import TenantHost
from surfaces.models.rules import HOST_FORM
from surfaces.services.rulebook import change_rules, lock_rules

MAX_HOST_CHARS: Final = 253
_ADDRESS: Final = re.compile(r"[0-9.]+", re.ASCII)


def add_tenant_host(host: str, *, partner_id: UUID, environment: Environment, reason: str = "", actor: Actor) -> TenantHost:
    """Say that requests to a host ask for a tenant in one environment. Safe to call twice.

    Raises: InvalidRequestError when it is no host name; TenantHostTakenError when it is another tenant's; PartnerNotFoundError.
    """
    name = _checked(host)
    with transaction.atomic():
        lock_rules()
        partner = Partner.objects.filter(pk=partner_id).first()
        if partner is None:
            raise PartnerNotFoundError
        known = TenantHost.objects.filter(host=name).first()
        if known is not None:
            if (known.partner_id, known.environment) != (partner_id, environment.value):
                raise TenantHostTakenError(reason="tenant_host_taken")
            return known
        row = TenantHost.objects.create(host=name, partner=partner, environment=environment.value)
        change_rules()
        record(_act(EventType.TENANT_HOST_ADDED, row, actor, reason))
    return TenantHost.objects.get(pk=row.pk)


def remove_tenant_host(host: str, *, reason: str = "", actor: Actor) -> bool:
    """Take a host name from its tenant. Tell whether it was anyone's."""
    with transaction.atomic():
        lock_rules()
        row = TenantHost.objects.filter(host=host_name(host.strip())).first()
        if row is None:
            return False
        change_rules()
        record(_act(EventType.TENANT_HOST_REMOVED, row, actor, reason))
        row.delete()
    return True


def _checked(host: str) -> str:
    name = host.strip().lower().rstrip(".")
    if len(name) > MAX_HOST_CHARS or not re.fullmatch(HOST_FORM, name) or _ADDRESS.fullmatch(name):
        wrong = "A host name such as shop.example.com, without scheme, port and path; names beyond ASCII in their xn-- form."
        raise InvalidRequestError(reason="field", details=[FieldProblem("host", wrong)])
    return name


def _act(event: EventType, row: TenantHost, actor: Actor, reason: str) -> Act:
    partner_id: UUID = row.partner_id
    return Act(event, actor, partner_id, row.environment, "tenant_host", row.host[:64], reason, {"host": row.host})
