"""GitHub as a caller, for the tests of the API document: it publishes its keys for the running service to fetch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.leaks.github import Github, published

OPERATIONS: Final = frozenset({"leak_report", "leaks_github"})
github: Final = Github()


@contextmanager
def settings() -> Iterator[Mapping[str, str]]:
    """What the service has to know of this GitHub while it is there."""
    with published(github) as there:
        yield {
            "GITHUB_KEYS_URL": there.url(),
            "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LEAK_REPORTS_PER_MINUTE": "1000000",
        }


def lead(case: Any, operation_id: str) -> None:
    """Make a right request one that succeeds: a list that is signed, whose bytes are known whoever writes them."""
    if operation_id == "leaks_github":
        case.body = []
        case.headers = github.headers(b"[]")
