"""A provider on loopback that does as it should, unless the next answers are scripted."""

import json
import secrets
import socket
import threading
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

CLIENT_ID: Final = "sticker:client"
CLIENT_SECRET: Final = "s3cret%with/odd+characters"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that reached the provider."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(slots=True)
class Answer:
    """What is answered; `headers` are sent as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Answer | Callable[["Handler"], Answer | None]


class Provider:
    """Tokens rotate with each refresh, and an old refresh token is refused."""

    def __init__(self) -> None:
        self.organizations: dict[str, dict[str, Any]] = {}
        self.access_tokens: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self.codes: dict[str, Mapping[str, str]] = {}
        self.revoked: list[str] = []
        self.asked: list[Asked] = []
        self.next_at_token: deque[Script] = deque()
        self.next_at_data: deque[Script] = deque()
        self.next_at_revocation: deque[Script] = deque()
        self.metadata: dict[str, Any] = {}
        self.expires_in: int | str | None = 3600
        self.lock = threading.Lock()
        self.base_url = ""

    def url(self, path: str) -> str:
        return f"{self.base_url}{path}"

    @property
    def token_url(self) -> str:
        return self.url("/token")

    @property
    def data_url(self) -> str:
        return self.url("/organizations/{internalOrgId}")

    def asked_at(self, path: str) -> list[Asked]:
        """Every request so far to a path, or to one below it."""
        return [each for each in self.asked if each.path.startswith(path)]

    def issue(self) -> dict[str, Any]:
        """New tokens, as the token endpoint gives them."""
        access, refresh = f"at-{secrets.token_hex(12)}", f"rt-{secrets.token_hex(12)}"
        self.access_tokens.add(access)
        self.refresh_tokens.add(refresh)
        return {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": self.expires_in}

    def answer(self, asked: Asked) -> Answer:
        if asked.path == "/token":
            return self._token(asked)
        if asked.path == "/revoke":
            self.revoked.append(asked.form["token"])
            return Answer()
        if asked.path.startswith("/.well-known/"):
            return Answer(body=self.metadata)
        return self._data(asked)

    def _token(self, asked: Asked) -> Answer:
        if not self._is_client(asked):
            return Answer(401, {"error": "invalid_client"})
        with self.lock:
            if asked.form.get("grant_type") == "authorization_code":
                wanted = self.codes.pop(asked.form["code"], None)
                is_good = wanted is not None and all(asked.form.get(name) == value for name, value in wanted.items())
                return Answer(body=self.issue()) if is_good else Answer(400, {"error": "invalid_grant"})
            if asked.form.get("refresh_token") not in self.refresh_tokens:
                return Answer(400, {"error": "invalid_grant"})
            self.refresh_tokens.discard(asked.form["refresh_token"])
            return Answer(body=self.issue())

    def _is_client(self, asked: Asked) -> bool:
        if asked.form.get("client_secret") == CLIENT_SECRET:
            return asked.form.get("client_id") == CLIENT_ID
        scheme, _, text = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return False
        name, _, secret = b64decode(text).decode().partition(":")
        return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)

    def _data(self, asked: Asked) -> Answer:
        if asked.bearer not in self.access_tokens:
            return Answer(401, {"error": "invalid_token"})
        found = self.organizations.get(unquote(asked.path.removeprefix("/organizations/")))
        if found is None:
            return Answer(404)
        etag = f'"{hash(json.dumps(found, sort_keys=True)) & 0xFFFFFFFF:x}"'
        if asked.headers.get("if-none-match") == etag:
            return Answer(304, headers={"ETag": etag})
        return Answer(body=found, headers={"ETag": etag})


class Handler(BaseHTTPRequestHandler):
    """One connection; scripted answers come before those of the provider."""

    provider: Provider
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_args: Any) -> None:
        pass

    def say(self, answer: Answer) -> None:
        """Send an answer."""
        content = (
            answer.body if isinstance(answer.body, bytes) else b"" if answer.body is None else json.dumps(answer.body).encode()
        )
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        """End the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Asked(self.command, urlsplit(self.path).path, headers, form)
        self.provider.asked.append(self.asked)
        script = self._scripted()
        answer = script(self) if callable(script) else script
        if answer is not None:
            self.say(answer)

    def _scripted(self) -> Script:
        queues = {"/token": self.provider.next_at_token, "/revoke": self.provider.next_at_revocation}
        queue = queues.get(self.asked.path, self.provider.next_at_data if "/organizations/" in self.asked.path else deque())
        with self.provider.lock:
            if queue:
                return queue.popleft()
        return self.provider.answer(self.asked)


@contextmanager
def running_provider(made: Provider | None = None) -> Iterator[Provider]:
    """Start a provider on a free port and stop it at the end."""
    provider = made or Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"provider": provider}))
    server.daemon_threads = True
    provider.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


def dropped_after_use(handler: Handler) -> None:
    """Do what was asked, and lose the answer on the way back."""
    handler.provider.answer(handler.asked)
    handler.hang_up()


def dropped(handler: Handler) -> None:
    """Lose the request: nothing was done."""
    handler.hang_up()
