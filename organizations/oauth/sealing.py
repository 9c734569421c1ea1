"""What the sealed secrets of providers, grants and connect links are bound to: each opens in its own row and column only."""

from core.encryption import Place, decrypt, encrypt
from organizations.models import ConnectLink, OAuthGrant, OAuthProvider


def client_secret_place(provider: OAuthProvider) -> Place:
    """Where a provider's client secret stands."""
    table = OAuthProvider._meta.db_table
    return Place(table, "client_secret_sealed", provider.pk, provider.partner_id, provider.environment)


def access_place(grant: OAuthGrant) -> Place:
    """Where a grant's access token stands."""
    return Place(OAuthGrant._meta.db_table, "access_sealed", grant.pk, grant.partner_id, grant.environment)


def refresh_place(grant: OAuthGrant) -> Place:
    """Where a grant's refresh token stands."""
    return Place(OAuthGrant._meta.db_table, "refresh_sealed", grant.pk, grant.partner_id, grant.environment)


def verifier_place(link: ConnectLink) -> Place:
    """Where the PKCE verifier of a walk through the provider stands."""
    organization = link.organization
    table = ConnectLink._meta.db_table
    return Place(table, "verifier_sealed", link.pk, organization.partner_id, organization.environment)


def seal(text: str, *, place: Place) -> bytes:
    """Seal a text for its place."""
    return encrypt(text.encode(), place=place)


def unseal(sealed: "bytes | memoryview[int]", *, place: Place) -> str:
    """Open a sealed text.

    Raises: DecryptionError when it was altered or moved, or its key is not known here.
    """
    return decrypt(bytes(sealed), place=place).decode()
