"""What a machine finds at /.well-known/, and what the main process says to a check."""

import json

import pytest
from django.conf import settings
from django.test import Client

from surfaces.gateway.assertion import key_set

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")


def test_the_key_set_is_public_and_may_be_kept(client: Client) -> None:
    answer = client.get("/.well-known/jwks.json")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert json.loads(answer.content) == key_set()
    assert not answer.cookies


def test_the_metadata_names_addresses_under_the_issuer(client: Client) -> None:
    server = client.get("/.well-known/oauth-authorization-server").json()
    resource = client.get("/.well-known/oauth-protected-resource").json()

    assert server["issuer"] == settings.PUBLIC_BASE_URL
    assert resource["authorization_servers"] == [server["issuer"]]
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint", "jwks_uri"):
        assert server[name].startswith(f"{server['issuer']}/")
    assert client.get(server["jwks_uri"].removeprefix(settings.PUBLIC_BASE_URL)).status_code == 200
    assert "introspect" in server["scopes_supported"]


@pytest.mark.parametrize("page", ["jwks.json", "oauth-authorization-server", "oauth-protected-resource"])
def test_nothing_can_be_sent_there(client: Client, page: str) -> None:
    assert client.head(f"/.well-known/{page}").status_code == 200
    assert client.post(f"/.well-known/{page}", {}).status_code == 405


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/auth/verify/nginx", "/auth/verify/envoy/Orders/Create", "/auth/verify/none"])
def test_the_main_process_never_answers_a_check(client: Client, method: str, path: str) -> None:
    answer = client.generic(method, path, headers={"X-Original-URI": "/Orders/Create", "X-Original-Method": "POST"})

    assert answer.status_code == 503
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.cookies
