"""A partner's receiver in Python. FORMAT says how it verifies: with the official library, or as the guides describe it."""

import base64
import hashlib
import hmac
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

SECRET = os.environ["WEBHOOK_SECRET"]


def verifies_standard(headers: Any, raw: bytes) -> bool:
    """With the official Standard Webhooks library."""
    Webhook(SECRET).verify(raw, dict(headers.items()))
    return True


def verifies_stash(headers: Any, raw: bytes) -> bool:
    """As the Stash guide has it: the body as text, as the framework decodes it."""
    signature = headers.get("stash-webhook-signature")
    if not signature:
        return False
    text = raw.decode("utf-8", "replace")
    expected = hmac.new(SECRET.encode("utf-8"), text.encode("utf-8"), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64decode(signature), expected)


def verifies_sticker(headers: Any, raw: bytes) -> bool:
    """As the Sticker guide has it: sha256= and hex, over the raw body."""
    expected = "sha256=" + hmac.new(SECRET.encode("utf-8"), raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers.get("X-Sticker-Signature", ""), expected)


VERIFIES = {"standard": verifies_standard, "stash": verifies_stash, "sticker": verifies_sticker}[os.environ["FORMAT"]]


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            status = 200 if VERIFIES(self.headers, raw) else 401
        except Exception:
            status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver)
print("Receiving", flush=True)  # noqa: T201  # the test waits for it
server.serve_forever()
