"""Fetching an organization's data with its access token."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from core.egress.fetch import EgressFailedError, EgressRefusedError, Fetched, FetchLimits, fetch
from organizations.oauth.failures import Meaning, ProviderFailureError, not_reached, passing
from organizations.sync_reasons import SyncReason

PLACEHOLDER: Final = "{internalOrgId}"
MAX_DOCUMENT_BYTES: Final = 2 * 1024 * 1024
LIMITS: Final = FetchLimits(total_seconds=15.0, connect_seconds=3.0, max_body_bytes=MAX_DOCUMENT_BYTES)
# RFC 9110 §8.8.3; a longer one is not worth keeping.
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,250}"', re.ASCII)


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Which organization is asked for where, and which state of it is known already."""

    data_url: str
    internal_org_id: str
    etag: str


def data_address(data_url: str, *, internal_org_id: str) -> str:
    """The address of one organization's data; its id can mean nothing else in it.

    Raises: ProviderFailureError for an id that would be a step in the path.
    """
    if internal_org_id in (".", ".."):
        raise ProviderFailureError(Meaning.SETTINGS_WRONG, SyncReason.BAD_URL)
    return data_url.replace(PLACEHOLDER, quote(internal_org_id, safe=""))


def fetch_data(wanted: DataRequest, *, access_token: str) -> Fetched:
    """Ask for an organization; answers 200 with a body, or 304 when nothing changed since the state that is known.

    Raises: ProviderFailureError.
    """
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
    if wanted.etag:
        headers["If-None-Match"] = wanted.etag
    address = data_address(wanted.data_url, internal_org_id=wanted.internal_org_id)
    try:
        fetched = fetch(address, headers=headers, limits=LIMITS)
    except (EgressRefusedError, EgressFailedError) as error:
        raise not_reached(error).meaning_instead(Meaning.LATER) from error
    if fetched.status == 200 or (fetched.status == 304 and wanted.etag):
        return fetched
    raise passing(fetched) or _refusal(fetched.status)


def etag_of(fetched: Fetched) -> str:
    """The mark of the state that an answer holds; empty where there is none that could be sent back."""
    etag = fetched.headers.get("etag", "").strip()
    return etag if _ETAG.fullmatch(etag) else ""


def _refusal(status: int) -> ProviderFailureError:
    if status == 401:
        return ProviderFailureError(Meaning.UNAUTHORIZED, SyncReason.UNAUTHORIZED, http_status=status)
    if status == 403:
        return ProviderFailureError(Meaning.SETTINGS_WRONG, SyncReason.FORBIDDEN, http_status=status)
    if status in (404, 410):
        return ProviderFailureError(Meaning.SETTINGS_WRONG, SyncReason.NOT_FOUND, http_status=status)
    return ProviderFailureError(Meaning.LATER, SyncReason.UNEXPECTED_STATUS, http_status=status)
