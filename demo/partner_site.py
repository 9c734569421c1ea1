"""Serve the demo partner's site on localhost: its page, its session endpoint and the record of what happened.

Environment: DEMO_PORT, DEMO_PARTNER_CONFIG (path of the JSON file with the partner's credentials), DATABASE_URL
(optional, for the ledger panel).
"""

import json
import os
import signal
import string
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from demo.backend import PartnerBackend, Reply, Settings
from demo.ledger_feed import LedgerFeed

PAGES: Final = Path(__file__).resolve().parent / "pages"
FILES: Final = {"/site.css": "text/css; charset=utf-8", "/site.js": "text/javascript; charset=utf-8"}
HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"


class PartnerSite(ThreadingHTTPServer):
    """The partner's web server: it knows the backend that holds the key, the browser never does."""

    daemon_threads = True

    def __init__(self, port: int, *, backend: PartnerBackend, ledger: LedgerFeed | None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.backend = backend
        self.ledger = ledger
        self.origin = f"http://localhost:{self.server_port}"

    def page(self) -> str:
        """Return the page with the addresses filled in."""
        settings = self.backend.settings
        template = string.Template((PAGES / "index.html").read_text())
        return template.substitute(loader=f"{settings.base_url}/static/embed/v1/sticker.js", user=settings.internal_user_id)

    def policy(self) -> str:
        """Return the page's content security policy: its own files, the loader, the frame."""
        settings = self.backend.settings
        embed = urlsplit(settings.embed_base)
        return (
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src 'self' data:; "
            f"style-src 'self'; connect-src 'self'; script-src 'self' {settings.base_url}/static/embed/v1/sticker.js; "
            f"frame-src {embed.scheme}://{embed.netloc}"
        )

    def trace(self) -> dict[str, Any]:
        """Return both panels' rows; `ledger` is null where it cannot be read."""
        calls = [asdict(call) for call in self.backend.calls()]
        return {"calls": calls, "ledger": self._ledger_rows()}

    def _ledger_rows(self) -> list[dict[str, Any]] | None:
        if self.ledger is None:
            return None
        try:
            return self.ledger.latest()
        except psycopg.Error:
            return None


class Handler(BaseHTTPRequestHandler):
    """Routes of the partner's site."""

    server: PartnerSite
    protocol_version = "HTTP/1.1"
    server_version = "PartnerSite"
    sys_version = ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not self._is_ours():
            self._answer_json(403, {"message": "This host name is not served here."})
        elif path == "/":
            self._answer(200, HTML, self.server.page().encode())
        elif path in FILES:
            self._answer(200, FILES[path], (PAGES / path[1:]).read_bytes())
        elif path == "/api/trace":
            self._answer_json(200, self.server.trace())
        else:
            self._answer_json(404, {"message": "There is nothing at this address."})

    def do_POST(self) -> None:
        self.close_connection = True  # a body, which nothing here needs, is not read
        backend = self.server.backend
        acts = {"/api/session": backend.new_session, "/api/replay": backend.replay_link, "/api/revoke": backend.revoke_sessions}
        act = acts.get(urlsplit(self.path).path)
        if act is None:
            self._answer_json(404, {"message": "There is nothing at this address."})
        elif not (self._is_ours() and self._is_from_our_page()):
            self._answer_json(403, {"message": "Only this site's own page may ask for that."})
        else:
            self._pass_on(act())

    def _pass_on(self, reply: Reply) -> None:
        """Hand the page what it needs of the service's answer: the link, or why there is none."""
        shown: dict[str, Any] = {
            name: reply.body[name] for name in ("iframe_embed_url", "session_id", "code", "message") if name in reply.body
        }
        is_bad_gateway = reply.status == 0 or reply.status >= 500
        self._answer_json(502 if is_bad_gateway else 200, {"status": reply.status, "request_id": reply.request_id, **shown})

    def _is_ours(self) -> bool:
        """Refuse names that merely resolve to this machine (DNS rebinding)."""
        return self.headers.get("Host") == urlsplit(self.server.origin).netloc

    def _is_from_our_page(self) -> bool:
        """Another site's page must not be able to mint sessions with the visitor's browser."""
        return (
            self.headers.get("Origin") == self.server.origin
            and self.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        )

    def _answer_json(self, status: int, value: dict[str, Any]) -> None:
        self._answer(status, JSON, json.dumps(value, default=str).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", self.server.policy())
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet: the page itself shows what happens."""


def main() -> None:
    """Serve until told to stop."""
    settings = Settings.from_file(Path(os.environ["DEMO_PARTNER_CONFIG"]))
    database_url = os.environ.get("DATABASE_URL")
    ledger = LedgerFeed(database_url, partner_id=settings.partner_id) if database_url else None
    site = PartnerSite(int(os.environ["DEMO_PORT"]), backend=PartnerBackend(settings), ledger=ledger)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=site.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with site:
        site.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
