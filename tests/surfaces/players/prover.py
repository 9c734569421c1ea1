"""A process of its own that proves player tokens: a shop and then tokens on stdin, an outcome a line on stdout."""

import sys

import django

django.setup()

from core.errors import ServiceUnavailableError  # noqa: E402  # the settings come first
from surfaces.players.checks import Use  # noqa: E402
from surfaces.players.proof import prove_player  # noqa: E402
from surfaces.verification import NotProvenError  # noqa: E402


def outcome(token: str, shop: str) -> str:
    try:
        prove_player(token, shop=shop, use=Use.BEARER)
    except NotProvenError as refused:
        return refused.reason
    except ServiceUnavailableError as error:
        return error.reason
    return "accepted"


sys.stdout.write("ready\n")
sys.stdout.flush()
shop, *tokens = sys.stdin.read().split()
for token in tokens:
    sys.stdout.write(outcome(token, shop) + "\n")
