"""What a setup call says, once it is checked and normalised; external ids are the partner's own names for things."""

from collections.abc import Sequence
from dataclasses import dataclass

from organizations.addresses import PostalAddress
from organizations.models import ProfileRole
from organizations.oauth.tokens import TokenSet


@dataclass(frozen=True, slots=True)
class OrganizationDetails:
    """An organization as a partner describes it."""

    external_id: str
    name: str
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class UserDetails:
    """A user whom the partner names by an id of its own."""

    external_id: str
    first_name: str
    last_name: str
    email: str
    phone: str = ""
    address: PostalAddress | None = None


@dataclass(frozen=True, slots=True)
class MemberDetails:
    """A user whom the partner names by e-mail address only."""

    email: str
    first_name: str
    last_name: str
    role: ProfileRole = ProfileRole.MEMBER


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """One user to set up in one organization; billing and shipping count when the call creates the organization."""

    organization: OrganizationDetails
    user: UserDetails
    tokens: TokenSet | None = None
    billing: Sequence[PostalAddress] = ()
    shipping: Sequence[PostalAddress] = ()


@dataclass(frozen=True, slots=True)
class PartnerSetupRequest:
    """An organization with all its sites, and members to add or update."""

    organization: OrganizationDetails
    sites: Sequence[PostalAddress]
    members: Sequence[MemberDetails]
    tokens: TokenSet | None = None
