"""The same client's request, as each proxy asks about it."""

from collections.abc import Sequence

from surfaces.gateway.answers import Answer
from surfaces.gateway.checking import answer_check
from surfaces.gateway.dialects import Check
from surfaces.names import Dialect

Lines = Sequence[tuple[str, str]]


def check_of(
    dialect: Dialect, method: str, target: str, *lines: tuple[str, str], host: str = "shop.example", address: str = "192.0.2.7"
) -> Check:
    """A check as a proxy sends it, with the lines of the client's request that it forwards."""
    client = tuple((name.lower(), value) for name, value in lines)
    if dialect is Dialect.ENVOY:
        return Check(method, target, (("host", host), ("x-sticker-client-address", address), *client))
    word = "x-original" if dialect is Dialect.NGINX else "x-forwarded"
    own = ((f"{word}-method", method), (f"{word}-uri", target), (f"{word}-host", host), ("x-forwarded-for", address))
    return Check("GET", "", (*client, *own))


def ask(dialect: Dialect, method: str, target: str, *lines: tuple[str, str], policy: str = "", **facts: str) -> Answer:
    """Ask the policy of a dialect's own name about a request."""
    return answer_check(check_of(dialect, method, target, *lines, **facts), policy_name=policy or dialect.value)


def header(answer: Answer, name: str) -> str | None:
    """One header of an answer."""
    found = [value for key, value in answer.headers if key == name]
    assert len(found) <= 1
    return found[0] if found else None
