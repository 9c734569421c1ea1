"""A member of staff in a browser without scripts: signs in, fills in forms."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.journeys.parties import Answer, send


class Fields(HTMLParser):
    """The hidden fields of a page's forms, as a browser would send them back."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input" and found.get("type") == "hidden" and found.get("name"):
            self.values[str(found["name"])] = found.get("value") or ""


class Staff:
    """A browser that keeps the cookies of the admin."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Answer:
        return self._keep(send(self.base_url, "GET", path, headers=self._headers()))

    def submit(self, path: str, fields: Mapping[str, object]) -> Answer:
        """Load a form and send it filled in."""
        hidden = Fields(self.get(path).raw.decode()).values
        body = urlencode({**hidden, **fields}, doseq=True).encode()
        headers = {**self._headers(), "Content-Type": "application/x-www-form-urlencoded"}
        return self._keep(send(self.base_url, "POST", path, body, headers))

    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookies, "Origin": self.base_url, "Referer": f"{self.base_url}/admin/"}

    def _keep(self, answer: Answer) -> Answer:
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = re.match(r"([^=]+)=([^;]*)", line).groups()  # type: ignore[union-attr]  # every cookie has a name
            self.cookies[name] = value.strip('"')
        return answer
