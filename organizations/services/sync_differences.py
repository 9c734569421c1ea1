"""Bringing an organization, its addresses and its users up to what a provider tells, and saying what that changed.

Users are one by the partner's id for them. Those without such an id (from the older setup form) count as listed when their
e-mail address is. A user whom another organization has stays there.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower, Now

from organizations.addresses import PostalAddress
from organizations.models import Address, AddressKind, Organization, Profile
from organizations.oauth.documents import OrganizationDocument, SyncedUser
from organizations.services.addresses import add_addresses, replace_user_address

# How many ids of each kind the history keeps.
IDS_KEPT: Final = 20

# A field that is null here was not told and stays. Rows that would not change are left alone, and not returned.
_UPDATE: Final = """
UPDATE organizations_profile p
SET first_name = coalesce(u.first_name, p.first_name), last_name = coalesce(u.last_name, p.last_name),
    email = coalesce(u.email, p.email), phone = coalesce(u.phone, p.phone), removed_at = NULL, updated_at = now()
FROM unnest(%(ids)s::uuid[], %(first_names)s::text[], %(last_names)s::text[], %(emails)s::text[], %(phones)s::text[])
     AS u(id, first_name, last_name, email, phone)
WHERE p.id = u.id AND p.organization_id = %(organization)s AND (
  p.removed_at IS NOT NULL OR coalesce(u.first_name, p.first_name) <> p.first_name
  OR coalesce(u.last_name, p.last_name) <> p.last_name OR coalesce(u.email, p.email) <> p.email
  OR coalesce(u.phone, p.phone) <> p.phone)
RETURNING p.id
"""


@dataclass(frozen=True, slots=True)
class Removals:
    """Who is not in the list any more, out of how many."""

    profile_ids: Sequence[UUID]
    present: int
    is_list_empty: bool

    @property
    def is_most(self) -> bool:
        """More than half would go."""
        return 2 * len(self.profile_ids) > self.present


@dataclass(slots=True)
class Changes:
    """What a sync did: fields of the organization by name, users by our ids, and users it had to leave out by number."""

    changed: list[str] = field(default_factory=list)
    added: list[UUID] = field(default_factory=list)
    updated: list[UUID] = field(default_factory=list)
    removed: list[UUID] = field(default_factory=list)
    elsewhere: int = 0
    incomplete: int = 0

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.updated or self.removed)

    def counts(self) -> dict[str, object]:
        """What a ledger row tells."""
        users = {"users_added": len(self.added), "users_updated": len(self.updated), "users_removed": len(self.removed)}
        return {"changed": self.changed, **users}

    def for_history(self) -> dict[str, object]:
        """What the history keeps: the numbers, a few ids, and who was left out."""
        lists = {"added": self.added, "updated": self.updated, "removed": self.removed}
        ids = {name: [str(each) for each in found[:IDS_KEPT]] for name, found in lists.items() if found}
        left_out = {"users_elsewhere": self.elsewhere, "users_incomplete": self.incomplete}
        return {**self.counts(), **({"profiles": ids} if ids else {}), **{name: n for name, n in left_out.items() if n}}


def find_removals(organization: Organization, *, document: OrganizationDocument) -> Removals:
    """Find the users whom a list of all users leaves out; nobody when the provider gave no such list."""
    if document.users is None:
        return Removals((), 0, is_list_empty=False)
    listed = [*document.users, *document.others]
    emails = {(each.email or "").lower() for each in listed}
    present = Profile.objects.filter(organization=organization).present()
    is_listed = Q(external_id__in=[each.external_id for each in listed]) | Q(external_id=None, lower_email__in=emails)
    left_out = present.alias(lower_email=Lower("email")).exclude(is_listed).order_by("pk")
    return Removals(list(left_out.values_list("pk", flat=True)), present.count(), is_list_empty=not document.users)


def apply_document(organization: Organization, *, document: OrganizationDocument, removals: Removals) -> Changes:
    """Apply what a document tells; the caller holds the organization's row and has judged the removals."""
    changes = Changes()
    _apply_fields(organization, document, changes)
    _apply_addresses(organization, document, changes)
    if changes.changed:
        Organization.objects.filter(pk=organization.pk).update(updated_at=Now())
    _apply_users(organization, [*(document.users or ()), *document.others], changes)
    changes.removed = _remove(removals.profile_ids)
    return changes


def _apply_fields(organization: Organization, document: OrganizationDocument, changes: Changes) -> None:
    different = {name: value for name, value in document.told().items() if getattr(organization, name) != value}
    if different:
        Organization.objects.filter(pk=organization.pk).update(**different)
        changes.changed += sorted(different)


def _apply_addresses(organization: Organization, document: OrganizationDocument, changes: Changes) -> None:
    for kind, told in ((AddressKind.BILLING, document.billing), (AddressKind.SHIPPING, document.shipping)):
        known = organization.addresses.filter(kind=kind).order_by("pk")
        if told is not None and [_postal(each) for each in known] != list(told):
            known.order_by().delete()
            add_addresses(organization, kind=kind, addresses=told)
            changes.changed.append(kind.value)


def _apply_users(organization: Organization, users: Sequence[SyncedUser], changes: Changes) -> None:
    by_id = {each.external_id: each for each in users}
    known = {row[0]: (row[1], row[2]) for row in _known(organization, by_id)}
    here = {name: pk for name, (pk, home) in known.items() if home == organization.pk}
    created = _create(organization, [each for each in by_id.values() if each.external_id not in known], changes)
    changes.elsewhere += len(known) - len(here)
    changes.added = sorted(created.values())
    touched = _update(organization, {pk: by_id[name] for name, pk in here.items()})
    moved = _apply_user_addresses({pk: by_id[name] for name, pk in {**here, **created}.items()})
    changes.updated = sorted((touched | moved) - set(changes.added))


def _known(organization: Organization, names: Iterable[str]) -> QuerySet[Profile, tuple[str, UUID, UUID]]:
    same = Profile.objects.filter(partner_id=organization.partner_id, environment=organization.environment)
    found: Any = same.filter(external_id__in=list(names)).values_list("external_id", "pk", "organization_id")
    return found  # type: ignore[no-any-return]  # external_id is not null where it is in a list


def _create(organization: Organization, users: Sequence[SyncedUser], changes: Changes) -> dict[str, UUID]:
    whole = [each for each in users if {"first_name", "last_name", "email"} <= each.told().keys()]
    changes.incomplete += len(users) - len(whole)
    rows = [
        Profile(
            id=uuid.uuid4(),
            partner_id=organization.partner_id,
            environment=organization.environment,
            organization=organization,
            external_id=each.external_id,
            **each.told(),
        )
        for each in whole
    ]
    # A setup call may make one of them at the same moment: that one is met again at the next sync.
    Profile.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    made = set(Profile.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)) if rows else set()
    changes.elsewhere += len(rows) - len(made)
    return {str(row.external_id): row.pk for row in rows if row.pk in made}


def _update(organization: Organization, users: dict[UUID, SyncedUser]) -> set[UUID]:
    if not users:
        return set()
    ids = sorted(users)
    params: dict[str, Any] = {
        "organization": organization.pk,
        "ids": ids,
        "first_names": [users[each].first_name for each in ids],
        "last_names": [users[each].last_name for each in ids],
        "emails": [users[each].email for each in ids],
        "phones": [users[each].phone for each in ids],
    }
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, params)
        return {row[0] for row in cursor.fetchall()}


def _apply_user_addresses(users: dict[UUID, SyncedUser]) -> set[UUID]:
    told = {pk: user.address for pk, user in users.items() if user.address is not None}
    if not told:
        return set()
    known: dict[UUID | None, list[PostalAddress]] = {}
    for each in Address.objects.filter(profile_id__in=told, kind=AddressKind.USER):
        known.setdefault(each.profile_id, []).append(_postal(each))
    moved = {pk for pk, address in told.items() if known.get(pk) != [address]}
    for profile in Profile.objects.filter(pk__in=moved):
        replace_user_address(profile, address=told[profile.pk])
    Profile.objects.filter(pk__in=moved).update(updated_at=Now())
    return moved


def _remove(profile_ids: Sequence[UUID]) -> list[UUID]:
    """Remove users; whatever they are signed in to ends with their next request, because the epoch is compared there."""
    if profile_ids:
        gone = Profile.objects.filter(pk__in=profile_ids).present()
        gone.update(removed_at=Now(), auth_epoch=F("auth_epoch") + 1, updated_at=Now())
    return list(profile_ids)


def _postal(address: Address) -> PostalAddress:
    return PostalAddress(address.line1, address.line2, address.city, address.province, address.postal_code, address.country)
