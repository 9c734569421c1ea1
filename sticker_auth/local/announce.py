"""The last step of a demo run: wait until everything answers, then say so, in `demo.json` and in words."""

import json
import signal
import sys
import time
import urllib.error
import urllib.request
from typing import Final

from sticker_auth.local import environment
from sticker_auth.local.facts import Facts, publish, published_path, read_pending

_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
_CALL_SECONDS: Final = 30.0
_SUCCESS: Final = (200, 201, 409)  # 409: set up by an earlier run


def main() -> None:
    """Announce the run that was prepared, then stay until told to stop."""
    folder = environment.var_dir()
    facts = read_pending(folder)
    if facts is None:
        sys.exit("Nothing was prepared to announce.")
    for url in (f"{facts.base_url}/readyz", facts.docs_url, facts.demo_url, f"{facts.gateway_url}/readyz"):
        _await_answer(url)
    status = set_up_organization(facts)
    if status not in _SUCCESS:
        sys.exit(f"The demo's organization could not be set up: HTTP {status}.")
    publish(folder)
    sys.stdout.write(_text(facts, is_first="first" in sys.argv))
    sys.stdout.flush()
    signal.pause()


def set_up_organization(facts: Facts) -> int:
    """Make the demo's organization and user as a partner's backend would; returns the HTTP status."""
    body = {
        "internalOrgId": facts.organization_id,
        "organizationName": "Demo Organization",
        "internalUserId": facts.internal_user_id,
        "user": {"firstName": "Dana", "lastName": "Demo", "email": "dana@example.com", "phoneNumber": "+1 555 0100"},
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {facts.api_key}"}
    url = f"{facts.base_url}/v1/organizations/setup"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310  # our own
    return _status(request)


def _await_answer(url: str) -> None:
    end = time.monotonic() + _READY_SECONDS
    while _status(urllib.request.Request(url)) != 200:  # noqa: S310  # our own
        if time.monotonic() > end:
            sys.exit(f"{url} did not answer in time.")
        time.sleep(_POLL_SECONDS)


def _status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as answer:  # noqa: S310  # our own
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def _text(facts: Facts, *, is_first: bool) -> str:
    where = published_path(environment.var_dir())
    staff = f"user {facts.staff_username}, password {facts.staff_password} (shown this once)"
    if not is_first:
        staff = f"user {facts.staff_username}, password in {where}; remove that file and start again for a new one"
    body = json.dumps({"internal_user_id": facts.internal_user_id})
    return f"""
Sticker Auth is ready.

  Admin     {facts.admin_url}
            {staff}
  API docs  {facts.docs_url}
  Demo      {facts.demo_url}
  Gateway   {facts.gateway_url}/auth/verify/{{nginx|caddy|traefik|envoy}}

Ask for a session as a partner's backend does:

curl -sS {facts.base_url}/v1/partner/handshake -H 'Authorization: Bearer {facts.api_key}' \\
  -H 'Content-Type: application/json' -d '{body}'

Ctrl-C stops everything.
"""


if __name__ == "__main__":
    main()
