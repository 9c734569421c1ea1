"""Storing the addresses of organizations and their users."""

from collections.abc import Iterable, Sequence

from organizations.addresses import PostalAddress
from organizations.models import Address, AddressKind, Organization, Profile


def add_addresses(organization: Organization, *, kind: AddressKind, addresses: Iterable[PostalAddress]) -> None:
    """Add addresses of one kind to an organization."""
    _insert(Address(organization=organization, kind=kind, **_columns(address)) for address in addresses)


def replace_sites(organization: Organization, *, sites: Sequence[PostalAddress]) -> int:
    """Put an organization's sites in the place of those it had, and return how many there are now.

    The first is the primary one unless another is. The caller holds the organization's row, or has just made it.
    """
    has_primary = any(site.is_primary for site in sites)
    organization.addresses.filter(kind=AddressKind.SITE).delete()
    _insert(
        Address(
            organization=organization,
            kind=AddressKind.SITE,
            is_primary=site.is_primary or (position == 0 and not has_primary),
            **_columns(site),
        )
        for position, site in enumerate(sites)
    )
    return len(sites)


def replace_user_address(profile: Profile, *, address: PostalAddress) -> None:
    """Make this the one address of a user."""
    profile.addresses.all().delete()
    _insert([Address(organization_id=profile.organization_id, profile=profile, kind=AddressKind.USER, **_columns(address))])


def _columns(address: PostalAddress) -> dict[str, str]:
    return {
        "line1": address.line1,
        "line2": address.line2,
        "city": address.city,
        "province": address.province,
        "postal_code": address.postal_code,
        "country": address.country,
    }


def _insert(rows: Iterable[Address]) -> None:
    Address.objects.bulk_create(rows)
