"""What an emergency ends besides API keys: the secrets of a partner's clients and the passwords of its resellers' accounts."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models.functions import Now

from surfaces.models import ClientSecret, ResellerAccount


def end_partner_credentials(partner_id: UUID) -> Mapping[str, int]:
    """Revoke every client secret of a partner and take every reseller's password away; tell how many of each.

    Must run inside the emergency's transaction. Passwords of end customers are theirs, not the partner's, and stay.
    """
    secrets = ClientSecret.objects.filter(client__partner_id=partner_id, revoked_at=None).update(revoked_at=Now())
    passwords = ResellerAccount.objects.filter(partner_id=partner_id).exclude(password="").update(password="")
    return {"client_secrets": secrets, "reseller_passwords": passwords}
