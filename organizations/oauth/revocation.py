"""Giving tokens back: the provider is told that they are not needed any more (RFC 7009)."""

from organizations.oauth.client import OAuthClient, post_form
from organizations.oauth.failures import Meaning, ProviderFailureError, passing
from organizations.sync_reasons import SyncReason


def revoke_token(client: OAuthClient, *, token: str, kind: str) -> None:
    """Have a token revoked; `kind` is `access_token` or `refresh_token`. A token the provider does not know is revoked.

    Raises: ProviderFailureError when it is worth another try, or when the provider does not accept us.
    """
    fetched = post_form(client, url=client.revocation_url, form={"token": token, "token_type_hint": kind})
    if failure := passing(fetched):
        raise failure
    if fetched.status == 401:
        raise ProviderFailureError(Meaning.CLIENT_WRONG, SyncReason.INVALID_CLIENT, http_status=401)
    # 400 says that this kind of token cannot be revoked, or is none: asking again would not help.
    if fetched.status not in (200, 204, 400):
        raise ProviderFailureError(Meaning.LATER, SyncReason.UNEXPECTED_STATUS, http_status=fetched.status)
