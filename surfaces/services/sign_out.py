"""Signing out of Storefront by whatever the caller holds."""

from uuid import UUID

from core.principals import RequestContext
from surfaces.names import SurfaceName
from surfaces.services.login_sessions import end_by_id, end_by_refresh_token
from surfaces.token_proof import prove_token
from surfaces.tokens import Grantee
from surfaces.verification import NotProvenError


def sign_out(access_token: str, refresh_token: str, *, context: RequestContext) -> None:
    """End the login that an access token names, and the one a refresh token belongs to; what proves nothing ends nothing."""
    if refresh_token:
        end_by_refresh_token(refresh_token, context=context)
    if not access_token:
        return
    try:
        proven = prove_token(access_token, surface=SurfaceName.STOREFRONT)
    except NotProvenError:
        return
    if proven.client_id == Grantee.STOREFRONT_LOGIN:
        end_by_id(UUID(proven.session_id), context=context)
