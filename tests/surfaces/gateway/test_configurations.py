"""The printed configurations: each as it was written down, and true to what the check needs."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from surfaces.gateway.configurations import FILE_NAMES, IDENTITY_HEADERS, configuration, other_spellings
from surfaces.gateway.dialects import CREDENTIAL_HEADERS, OVERRIDE_HEADERS, TENANT_HEADERS
from surfaces.names import Dialect

GOLDEN: Final = Path(__file__).parent / "golden"
GATEWAY: Final = "http://127.0.0.1:10000"


def printed(dialect: Dialect) -> str:
    return configuration(dialect, policy=dialect.value, gateway_url=GATEWAY)


def parsed(dialect: Dialect) -> Any:
    return yaml.safe_load(printed(dialect))


@pytest.mark.parametrize("dialect", Dialect)
def test_each_configuration_is_the_one_that_was_reviewed(dialect: Dialect) -> None:
    assert printed(dialect) == (GOLDEN / FILE_NAMES[dialect]).read_text()


@pytest.mark.parametrize("dialect", Dialect)
def test_each_configuration_names_policy_versions_and_every_identity_header(dialect: Dialect) -> None:
    text = printed(dialect)

    assert f"/auth/verify/{dialect.value}" in text
    assert re.search(r"# Written for \w+ [0-9.]+ to [0-9.]+", text)
    for name in IDENTITY_HEADERS:
        assert name.lower() in text.lower()


def test_envoy_decides_about_the_path_it_forwards_and_never_opens() -> None:
    manager = parsed(Dialect.ENVOY)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    check = manager["http_filters"][0]["typed_config"]

    assert manager["normalize_path"] is True
    assert manager["merge_slashes"] is True
    assert manager["path_with_escaped_slashes_action"] == "REJECT_REQUEST"
    assert manager["common_http_protocol_options"]["headers_with_underscores_action"] == "REJECT_REQUEST"
    assert manager["use_remote_address"] is True
    assert check["failure_mode_allow"] is False
    assert check["http_service"]["path_prefix"] == "/auth/verify/envoy"
    allowed = {pattern["exact"] for pattern in check["allowed_headers"]["patterns"]}
    assert {*CREDENTIAL_HEADERS, *TENANT_HEADERS, *OVERRIDE_HEADERS} <= allowed


def test_traefik_shows_the_check_every_credential_in_every_spelling() -> None:
    middleware = parsed(Dialect.TRAEFIK)["http"]["middlewares"]["sticker-check"]["forwardAuth"]
    asked = {name.lower() for name in middleware["authRequestHeaders"]}

    assert middleware["trustForwardHeader"] is False
    assert {*CREDENTIAL_HEADERS, *TENANT_HEADERS, *OVERRIDE_HEADERS} <= asked
    assert {"x_api_key", "x_api-key", "x-api_key", "x_auth_partner", "x_forwarded_uri"} <= asked
    assert middleware["authResponseHeaders"] == list(IDENTITY_HEADERS)


def test_other_spellings_differ_in_dashes_alone() -> None:
    found = other_spellings()

    assert len(found) == len(set(found))
    assert all("_" in name for name in found)


def test_a_configuration_is_for_the_addresses_it_was_asked_for() -> None:
    for dialect in Dialect:
        text = configuration(
            dialect, policy="p", gateway_url="http://gate.internal:9443", upstream="app.internal:81", port=8443
        )

        assert "gate.internal" in text
        assert "app.internal" in text
        assert "127.0.0.1" not in text.replace("# ", "")
