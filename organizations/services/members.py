"""Users whom a partner names by e-mail address: one per lower-cased address within their organization."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection

from audit.events import EventType
from core.principals import Actor
from organizations.details import MemberDetails
from organizations.models import Organization
from organizations.services.ledger import record_profile

# The database alone decides which addresses are one: its lower() is the one in the unique index. An address that stands
# twice in a call counts as it stands last. Rows that would not change are left alone, and not returned.
_UPSERT: Final = """
INSERT INTO organizations_profile AS p
  (id, partner_id, environment, organization_id, email, first_name, last_name, role, phone, auth_epoch)
SELECT DISTINCT ON (lower(u.email)) u.id, %(partner)s::uuid, %(environment)s, %(organization)s::uuid,
       u.email, u.first_name, u.last_name, u.role, '', 0
FROM unnest(%(ids)s::uuid[], %(emails)s::text[], %(first_names)s::text[], %(last_names)s::text[], %(roles)s::text[])
     WITH ORDINALITY AS u(id, email, first_name, last_name, role, position)
ORDER BY lower(u.email), u.position DESC
ON CONFLICT (organization_id, lower(email)) WHERE external_id IS NULL DO UPDATE
  SET first_name = excluded.first_name, last_name = excluded.last_name, role = excluded.role,
      removed_at = NULL, updated_at = now()
  WHERE (p.first_name, p.last_name, p.role) IS DISTINCT FROM (excluded.first_name, excluded.last_name, excluded.role)
     OR p.removed_at IS NOT NULL
RETURNING p.id
"""


def add_or_update_members(organization: Organization, *, members: Sequence[MemberDetails], actor: Actor) -> int:
    """Bring the members of an organization up to date by e-mail address, and return how many are new.

    A member who was removed is present again; sessions that the removal ended stay ended. Nobody is removed.
    """
    candidates = [uuid.uuid4() for _ in members]
    written = _upsert(organization, members=members, ids=candidates)
    created = written & set(candidates)
    for profile_id in sorted(written):
        event = EventType.PROFILE_CREATED if profile_id in created else EventType.PROFILE_UPDATED
        record_profile(profile_id, organization=organization, event=event, actor=actor)
    return len(created)


def _upsert(organization: Organization, *, members: Sequence[MemberDetails], ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    params: dict[str, Any] = {
        "partner": organization.partner_id,
        "environment": organization.environment,
        "organization": organization.pk,
        "ids": ids,
        "emails": [member.email for member in members],
        "first_names": [member.first_name for member in members],
        "last_names": [member.last_name for member in members],
        "roles": [member.role.value for member in members],
    }
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, params)
        return {row[0] for row in cursor.fetchall()}
