"""The WSGI entry. The server puts its whole process environment into each request; it is taken out before Django sees it."""

import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from sticker_auth.local.environment import load

load()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sticker_auth.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402  # settings need the environment first

from core.http import without_charset  # noqa: E402

_django: Final = get_wsgi_application()
_INHERITED: Final = tuple(os.environ)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve one request without the process's secrets in its environment."""
    for name in _INHERITED:
        environ.pop(name, None)
    if "CONTENT_TYPE" in environ:
        environ["CONTENT_TYPE"] = without_charset(environ["CONTENT_TYPE"])
    return _django(environ, start_response)
