"""Calls that take a redirect for an answer like any other: following it would carry the key along."""

import urllib.request
from typing import Any


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none; the answer comes back as an HTTPError with its status."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None
