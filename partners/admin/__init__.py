"""The staff's console for partners and their keys."""

from partners.admin.keys import ApiKeyAdmin
from partners.admin.partners import PartnerAdmin

__all__ = ["ApiKeyAdmin", "PartnerAdmin"]
