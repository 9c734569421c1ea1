"""Log lines: one JSON object each, nothing secret in it, and nothing that could be taken for another line."""

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.credentials import KeyKind, mint_key, mint_session_token
from core.logs import log_request, mask, render
from core.principals import Environment

KEY = mint_key(KeyKind.SECRET, Environment.LIVE).plaintext
TOKEN = mint_session_token()
HANDLE = mint_session_token()[:32] + mint_session_token()
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoaXMtb25l"

SECRETS = [
    KEY,
    mint_key(KeyKind.SURFACE, Environment.TEST).plaintext,
    "ak_live_0123456789abcdef0123456789abcdef",
    "sk_live_-_-dash-and_underscore-first_",
    TOKEN,
    HANDLE,
    JWT,
    "whsec_dGhpcy1pcy1hLXdlYmhvb2stc2VjcmV0LW9mLTI0Kw==",
]
SURROUNDINGS = [
    "{}",
    "Bearer {}",
    "?session_key={}&x=1",
    "session_key%3d{}",
    "session_key%3D{}",
    '{{"key": "{}"}}',
    "https://a/embedded/x#session_key={}",
    "x\n{}\ny",
    "é{}",
    "{}.",
    "'{}'",
]


@pytest.mark.parametrize("around", SURROUNDINGS)
@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_a_secret_is_masked_wherever_it_stands(secret: str, around: str) -> None:
    line = render(None, "", {"event": around.format(secret)})
    longest_part_shown = 12 if secret[2] == "_" else 6
    assert secret[longest_part_shown:] not in line
    assert secret[-20:] not in line


def test_a_masked_key_still_tells_its_kind_and_the_start_of_its_kid() -> None:
    assert mask(f"key {KEY}.") == f"key {KEY[:12]}***."


@pytest.mark.parametrize(
    "text", ["a" * 63, "kid 0123456789ab", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "sk_live", "task_test_1", "g" * 64]
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert mask(text) == text


@given(st.text(), st.text())
def test_a_line_is_one_line_of_ascii_json_whatever_is_logged(event: str, value: str) -> None:
    line = render(None, "", {"event": event, "value": value})
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    json.loads(line)


@pytest.mark.parametrize(
    "forged",
    [
        'x\n{"event": "key.revoked"}',
        "x\r\nHTTP/1.1 200",
        "\x1b[2K\x1b[1A",
        "\u202egnp.exe",
        "a\x00b",
        "\x85next",
        "\u2028next",
        "\ud800",
    ],
)
def test_a_forged_line_stays_inside_its_field(forged: str) -> None:
    line = render(None, "", {"event": "request", "path": forged})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["path"] == forged


def test_a_request_line_is_masked_too(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("sticker.requests"), "propagate", True)
    with caplog.at_level(logging.INFO, logger="sticker.requests"):
        log_request({"event": "request", "path": f"/v1/{KEY}"})
    assert KEY[12:] not in caplog.text
    assert KEY[:12] in caplog.text


def test_a_secret_in_an_exception_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    handler: Any = next(each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)
    try:
        raise ValueError(f"cannot use {KEY}")
    except ValueError:
        record = logging.LogRecord("test", logging.ERROR, __file__, 1, "failed with %s", (TOKEN,), None)
        record.exc_info = __import__("sys").exc_info()
    line = handler.format(record)
    assert "cannot use" in line
    assert KEY[12:] not in line
    assert TOKEN not in line
