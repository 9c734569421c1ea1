"""Real providers as processes, and a line to them that can be cut after a request was served."""

import http.client
import json
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

from django.test import Client

from core.principals import Environment
from organizations.services.connect_links import callback_address, create_connect_link
from organizations.services.oauth_providers import ProviderSettings, configure_provider
from tests.factories import ALICE, make_organization, make_partner
from tests.organizations.oauth.provider import Provider
from tests.organizations.oauth.world import ADA, BEN, World
from tests.servers import Process, await_url, bare_environment, unused_port

HERE: Final = Path(__file__).parent
CLIENT_ID: Final = "sticker"
CLIENT_SECRET: Final = "a-secret-of-the-client-0123456789"
_STEPS: Final = 10


@dataclass(frozen=True, slots=True)
class RealProvider:
    """A provider that runs; `authorize` and the like are paths."""

    base_url: str
    process: Process = field(repr=False)
    authorize: str
    token: str
    revoke: str

    def say(self, external_id: str, document: dict[str, Any]) -> None:
        """Set an organization's data there."""
        url = f"{self.base_url}/organizations/{external_id}"
        request = urllib.request.Request(url, json.dumps(document).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=10).close()


def environment(port: int) -> dict[str, str]:
    """What both providers are told."""
    return {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "REDIRECT_URI": callback_address(),
    }


def start_toolkit(folder: Path) -> RealProvider:
    """Start django-oauth-toolkit."""
    port = unused_port()
    env = {**bare_environment(), **environment(port), "TOOLKIT_DATABASE": str(folder / "toolkit.sqlite3")}
    serve = ("--interface", "wsgi", "tests.organizations.oauth.toolkit.wsgi:application", "--blocking-threads", "8")
    command = (sys.executable, "-m", "granian", *serve, "--host", "127.0.0.1", "--port", str(port))
    process = Process(command, env=env, log=folder / "toolkit.log")
    process.await_line("Started worker-")
    base_url = f"http://127.0.0.1:{port}"
    provider = RealProvider(base_url, process, "/o/authorize/", "/o/token/", "/o/revoke_token/")
    _await_listening(port)
    return provider


def start_oidc_provider(node: str, folder: Path) -> RealProvider:
    """Start the npm package."""
    port = unused_port()
    process = Process((node, str(HERE / "node" / "provider.mjs")), env=environment(port), log=folder / "oidc-provider.log")
    process.await_line("Providing")
    await_url(f"http://127.0.0.1:{port}/.well-known/openid-configuration")
    return RealProvider(f"http://127.0.0.1:{port}", process, "/auth", "/token", "/token/revocation")


def _await_listening(port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            threading.Event().wait(0.05)
    raise AssertionError("the provider does not listen")


class Line:
    """A way to the token endpoint that counts requests, and loses as many answers as it is told."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.count = 0
        self.lost = 0
        self.url = ""
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Count a request; tell whether its answer is to be lost."""
        with self._lock:
            self.count += 1
            self.lost -= 1
            return self.lost >= 0


@contextmanager
def running_line(target: str) -> Iterator[Line]:
    """Open a line and close it at the end."""
    line = Line(target)

    class Forward(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_lost = line.take()
            onward = http.client.HTTPConnection(str(line.target.hostname), line.target.port, timeout=20)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            onward.request("POST", line.target.path, body, {**headers, "Host": line.target.netloc})
            answer = onward.getresponse()
            content = answer.read()
            onward.close()
            if is_lost:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    server.daemon_threads = True
    line.url = f"http://127.0.0.1:{server.server_address[1]}{line.target.path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield line
    server.shutdown()
    thread.join()
    server.server_close()


def connect(provider: RealProvider, line: Line, *, scopes: tuple[str, ...], issuer: str = "") -> World:
    """Configure a partner at a real provider and walk a person through it."""
    partner = make_partner()
    wanted = ProviderSettings(
        token_url=line.url,
        authorization_url=f"{provider.base_url}{provider.authorize}",
        revocation_url=f"{provider.base_url}{provider.revoke}",
        data_url=f"{provider.base_url}/organizations/{{internalOrgId}}",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        issuer=issuer,
        sends_issuer=bool(issuer),
        scopes=scopes,
    )
    configure_provider(partner, environment=Environment.TEST, wanted=wanted, actor=ALICE)
    organization = make_organization(partner)
    provider.say(organization.external_id, {"organizationName": "Northwind Bakery", "users": [ADA, BEN]})
    link = create_connect_link(organization, actor=ALICE)
    person = Client(HTTP_HOST="127.0.0.1:8000")
    body = json.dumps({"secret": link.url.partition("#")[2]})
    began = person.post(f"/connect/{link.id}/start", body, content_type="application/json")
    brought = walk(began.json()["address"])
    assert person.get("/connect/callback", brought).status_code == 200
    return World(Provider(), partner, organization)


def walk(address: str) -> dict[str, str]:
    """Follow a provider's redirects, with its cookies, until it sends the browser back to us."""
    cookies: dict[str, str] = {}
    for _ in range(_STEPS):
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        connection.request(
            "GET", f"{parts.path}?{parts.query}", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
        )
        answer = connection.getresponse()
        answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            cookies[name] = value
        connection.close()
        assert answer.status in (302, 303), (answer.status, address)
        address = urljoin(address, answer.headers["Location"])
        if address.startswith(callback_address()):
            return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    raise AssertionError("the provider never sent the browser back")
