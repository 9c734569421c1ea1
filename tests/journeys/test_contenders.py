"""Many at once for one token, over sockets that are open already: exactly one is signed in, and nothing breaks."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

from tests.journeys.parties import USER, Backend, Page, database
from tests.servers import LiveService

CONTENDERS: Final = 200


def raw_post(base_url: str, path: str, body: dict[str, Any]) -> bytes:
    """A request as it goes over the wire."""
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(base_url).netloc}\r\nOrigin: {base_url}\r\nX-Sticker-Embed: 1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def contend(base_url: str, request_of: Callable[[], bytes]) -> Counter[int]:
    """Open every connection, then let all send at once; count the statuses."""
    address = urlsplit(base_url)
    gate = threading.Barrier(CONTENDERS)

    def one(_number: int) -> int:
        request = request_of()
        with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
            gate.wait(60)
            connection.sendall(request)
            status_line = connection.makefile("rb").readline()
        return int(status_line.split()[1])

    with ThreadPoolExecutor(CONTENDERS) as pool:
        return Counter(pool.map(one, range(CONTENDERS)))


def test_of_two_hundred_contenders_for_one_token_exactly_one_is_signed_in(service: LiveService, backend: Backend) -> None:
    made = backend.handshake()
    redeem = lambda: raw_post(backend.base_url, "/v1/sessions/redeem", backend.redemption(made["session_key"]))  # noqa: E731
    assert contend(backend.base_url, redeem) == Counter({401: CONTENDERS - 1, 200: 1})
    with database(service) as connection:
        query = "SELECT count(*) FROM sessions_app_embedsession WHERE session_token_id = %s"
        assert connection.execute(query, [made["session_id"]]).fetchone() == (1,)


def test_one_page_that_asks_two_hundred_times_at_once_is_one_session(service: LiveService, backend: Backend) -> None:
    made = backend.handshake()
    body = backend.redemption(made["session_key"])
    request = raw_post(backend.base_url, "/v1/sessions/redeem", body)
    assert contend(backend.base_url, lambda: request) == Counter({200: CONTENDERS})
    with database(service) as connection:
        query = "SELECT count(*) FROM sessions_app_embedsession WHERE session_token_id = %s"
        assert connection.execute(query, [made["session_id"]]).fetchone() == (1,)


def test_revoking_while_many_redeem_leaves_nobody_signed_in(service: LiveService, backend: Backend) -> None:
    pages = [Page(backend) for _ in range(8)]
    tokens = [backend.handshake()["session_key"] for _ in pages]
    with ThreadPoolExecutor(len(pages) + 1) as pool:
        opened = [pool.submit(page.open, token) for page, token in zip(pages, tokens, strict=True)]
        ended = pool.submit(backend.call, "DELETE", f"/v1/users/{USER}/sessions")
        assert {each.result().status for each in opened} <= {200, 401}
        assert ended.result().status == 204
    assert {page.call("GET", "current").status for page in pages} == {401}
