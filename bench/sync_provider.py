"""A provider to sync from, on loopback: it takes its time, rotates refresh tokens, and has another state in each round.

A program of its own: `python -m bench.sync_provider PORT USERS LATENCY_MS`. `PUT /round/N` begins a round.
"""

import asyncio
import itertools
import sys
from collections.abc import Sequence

from aiohttp import web


class Provider:
    """One for all partners; it looks at no credential, so that its own work stays small."""

    def __init__(self, users: int, latency: float) -> None:
        self._users = users
        self._latency = latency
        self._round = 1
        self._numbers = itertools.count()

    async def token(self, _request: web.Request) -> web.Response:
        await asyncio.sleep(self._latency)
        number = next(self._numbers)
        answer = {"access_token": f"at-{number}", "refresh_token": f"rt-{number}", "token_type": "Bearer", "expires_in": 3600}
        return web.json_response(answer)

    async def organization(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self._latency)
        name, state = request.match_info["name"], min(self._round, 2)
        etag = f'"{state}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        users = [
            {
                "internalUserId": f"{name}-{number}",
                "firstName": "Ada" if number or state == 1 else "Eda",
                "lastName": "Diaz",
                "email": f"user-{number}@example.com",
                "phoneNumber": "+1 415 555 0100",
            }
            for number in range(self._users)
        ]
        address = {"line1": "1 Mill Road", "city": "Oakland", "province": "CA", "postalCode": "94607"}
        document = {"organizationName": f"Organization {name}", "billingAddress": address, "users": users}
        return web.json_response(document, headers={"ETag": etag})

    async def begin(self, request: web.Request) -> web.Response:
        self._round = int(request.match_info["number"])
        return web.Response()


def main(arguments: Sequence[str]) -> None:
    """Serve until told to stop."""
    port, users, latency = map(int, arguments)
    provider = Provider(users, latency / 1000)
    app = web.Application()
    app.router.add_post("/token", provider.token)
    app.router.add_get("/organizations/{name}", provider.organization)
    app.router.add_put("/round/{number}", provider.begin)
    app.router.add_get("/healthz", lambda _request: web.Response())  # type: ignore[arg-type]  # a plain answer will do
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(sys.argv[1:])
