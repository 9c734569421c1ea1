"""The embed page: the same for everyone, framed by registered origins only, consuming nothing."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.principals import Environment
from partners.services.partners import set_origins, suspend_partner
from tests.factories import ALICE
from tests.sessions_app.conftest import World


def _page(path: str, **query: str) -> Any:
    return Client(HTTP_HOST="127.0.0.1:8000").get(path, query)


def _ancestors(answer: Any) -> str:
    directives = answer.headers["Content-Security-Policy"].split(";")
    return next(str(each).strip() for each in directives if each.strip().startswith("frame-ancestors"))


def test_page_may_be_framed_by_exactly_the_registered_origins(world: World) -> None:
    origins = ["https://shop.example", "https://www.shop.example:8443"]
    set_origins(world.partner.pk, environment=Environment.TEST, origins=origins, actor=ALICE)
    answer = _page(f"/sandbox/embedded/{world.partner.pk}")
    assert _ancestors(answer) == f"frame-ancestors {' '.join(origins)}"
    assert _ancestors(_page(f"/embedded/{world.partner.pk}")) == "frame-ancestors 'none'"


def test_unknown_and_suspended_partners_look_alike(world: World) -> None:
    set_origins(world.partner.pk, environment=Environment.TEST, origins=["https://shop.example"], actor=ALICE)
    suspend_partner(world.partner.pk, reason="x", actor=ALICE)
    answers = [_page(f"/sandbox/embedded/{each}") for each in (world.partner.pk, uuid.uuid4())]
    assert {(answer.status_code, _ancestors(answer)) for answer in answers} == {(200, "frame-ancestors 'none'")}


def test_page_keeps_tokens_out_of_referrers_and_caches(world: World) -> None:
    headers = _page(f"/sandbox/embedded/{world.partner.pk}").headers
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "X-Frame-Options" not in headers
    assert "Location" not in headers


def test_opening_the_page_consumes_and_writes_nothing(world: World) -> None:
    session_key = world.handshake()["session_key"]
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            assert _page(f"/sandbox/embedded/{world.partner.pk}", session_key=session_key).status_code == 200
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert world.redeem(session_key).status_code == 200


def test_page_never_shows_the_token_it_was_opened_with(world: World) -> None:
    session_key = world.handshake()["session_key"]
    answer = _page(f"/sandbox/embedded/{world.partner.pk}", session_key=session_key)
    assert session_key not in answer.content.decode()
    assert session_key not in str(dict(answer.headers))


def test_every_script_and_style_carries_this_answers_nonce(world: World) -> None:
    first, second = (_page(f"/sandbox/embedded/{world.partner.pk}") for _ in range(2))
    nonce = first.context["nonce"]
    assert f"'nonce-{nonce}'" in first.headers["Content-Security-Policy"]
    assert nonce != second.context["nonce"]
    assert first.content.decode().count("<script") == first.content.decode().count(f'<script nonce="{nonce}"')


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/orders/7?x=1", "/orders/7?x=1"),
        ("https://shop.example/cart", "https://shop.example/cart"),
        ("//evil.example/", ""),
        ("/\\evil.example", ""),
        ("https://evil.example/", ""),
        ("https://shop.example.evil.example/", ""),
        ("javascript:alert(1)", ""),
        ("/a\nb", ""),
    ],
)
def test_return_url_stays_with_the_partner(world: World, given: str, kept: str) -> None:
    set_origins(world.partner.pk, environment=Environment.TEST, origins=["https://shop.example"], actor=ALICE)
    assert _page(f"/sandbox/embedded/{world.partner.pk}", return_url=given).context["return_url"] == kept


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [("theme", "dark", "dark"), ("theme", "neon", ""), ("category", "gift-cards", "gift-cards"), ("category", '"><b>', "")],
)
def test_other_parameters_are_from_a_known_set(world: World, name: str, given: str, kept: str) -> None:
    assert _page(f"/sandbox/embedded/{world.partner.pk}", **{name: given}).context[name] == kept


def test_page_is_read_only(world: World) -> None:
    assert Client().post(f"/sandbox/embedded/{world.partner.pk}").status_code == 405
