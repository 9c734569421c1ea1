"""An application behind our bridge that answers with what Django would get to see of a request."""

import json
from collections.abc import Callable
from typing import Any, Final

from sticker_auth.rsgi import bridge
from sticker_auth.threads import Threads


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer with the whole request environment."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name: str(value) for name, value in environ.items()}).encode()]


application: Final = bridge(echo, threads=Threads(1))
