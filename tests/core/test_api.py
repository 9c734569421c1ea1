"""The shell around every endpoint: one line in the log, one shape of refusal, headers that always hold."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.test import Client
from pytest_django import Settings

from core.api import as_sticker_error
from core.errors import InternalError, InvalidRequestError, ServiceUnavailableError, StickerError
from tests.factories import make_key
from tests.partners.callers import ROTATE, SELF, ask, post

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The request log of a test."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.getLogger("sticker.requests")
    logger.addHandler(handler)
    yield written
    logger.removeHandler(handler)


def logged(lines: io.StringIO) -> dict[str, Any]:
    (line,) = lines.getvalue().splitlines()
    return dict(json.loads(line))


def test_every_request_is_one_line_with_id_key_partner_status_and_duration(lines: io.StringIO) -> None:
    issued = make_key()
    answer = ask(issued.plaintext)
    line = logged(lines)
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert (line["kid"], line["partner"]) == (issued.key.kid, str(issued.key.partner_id))
    assert (line["method"], line["path"], line["status"], line["reason"]) == ("GET", "/v1/whoami", 200, None)
    assert line["duration_ms"] > 0


def test_the_line_of_a_refusal_has_its_exact_reason_and_no_credential(lines: io.StringIO) -> None:
    issued = make_key()
    ask(issued.plaintext[:-1] + "_")
    assert logged(lines)["reason"] == "unknown"
    assert issued.plaintext[12:20] not in lines.getvalue()


def test_a_query_string_is_never_logged(lines: io.StringIO) -> None:
    Client(HTTP_HOST="127.0.0.1:8000").get("/v1/whoami?api_key=anything&email=ada@example.com")
    assert "ada@example.com" not in lines.getvalue()


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/", "/v1/keys/self/other"])
def test_an_unknown_address_of_the_api_is_a_404_in_the_shape_of_a_refusal(path: str) -> None:
    answer = ask("", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_answers_of_the_api_are_kept_by_no_cache_and_set_no_cookie() -> None:
    for answer in (ask(make_key().plaintext), ask(""), ask("", "/v1/nothing")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert not answer.cookies


def test_over_plain_http_a_call_is_refused_and_not_redirected(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = ask(make_key().plaintext)
    assert (answer.status_code, answer.json()["code"]) == (400, "HTTPS_REQUIRED")
    assert "Location" not in answer.headers


def test_an_answer_over_https_pins_it(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 31_536_000
    answer = Client(HTTP_HOST="127.0.0.1:8000").get("/v1/whoami", secure=True, headers={"X-API-Key": make_key().plaintext})
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (OperationalError("down"), 503, "SERVICE_UNAVAILABLE"),
        (InterfaceError("closed"), 503, "SERVICE_UNAVAILABLE"),
        (Http404(), 404, "NOT_FOUND"),
        (RuntimeError("secret detail"), 500, "INTERNAL_ERROR"),
        (KeyError("secret detail"), 500, "INTERNAL_ERROR"),
        (InvalidRequestError("said to the caller"), 400, "INVALID_REQUEST"),
    ],
)
def test_whatever_goes_wrong_is_said_in_our_words(error: Exception, status: int, slug: str) -> None:
    said: StickerError = as_sticker_error(error)
    assert (said.status, said.slug) == (status, slug)
    assert "secret detail" not in said.text


def test_a_refusal_to_answer_now_says_when_to_come_back() -> None:
    error = ServiceUnavailableError(retry_after_seconds=7)
    assert (error.headers["Retry-After"], error.extra["retry_after"]) == ("7", 7)


def test_an_error_of_ours_keeps_its_cause_to_itself() -> None:
    assert InternalError(reason="KeyError").text == InternalError.message


def test_details_name_each_wrong_field_by_its_path() -> None:
    answer = post(make_key().plaintext, ROTATE, {"overlap": "x", "reason": 5})
    assert {problem["field"] for problem in answer.json()["details"]} == {"overlap", "reason"}
    assert all(problem["message"] for problem in answer.json()["details"])


def test_a_problem_document_carries_the_details_too() -> None:
    answer = post(make_key().plaintext, ROTATE, {"overlap": "x"}, Accept="application/problem+json, application/json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [problem["field"] for problem in answer.json()["errors"]] == ["overlap"]


def test_a_head_request_is_answered_like_a_get() -> None:
    assert ask(make_key().plaintext, SELF, method="HEAD").status_code == 200
