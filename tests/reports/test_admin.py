"""The staff's page of reports: a partner's own numbers, drawn and tabled."""

import pytest
from django.test import Client
from django.urls import reverse

from sticker_auth.reports.numbers import ReportName
from sticker_auth.roles import Role
from tests.admin.staff import signed_in
from tests.admin.test_query_counts import questions
from tests.factories import make_key
from tests.reports.test_rest import report, sign_in, today
from tests.webhooks.conftest import Backend


@pytest.fixture
def staff(db: None) -> Client:
    return signed_in(Role.VIEWER)


def url_of(partner: object = "", **query: str) -> str:
    asked = {"partner": str(partner), "environment": "test", **query}
    return f"{reverse('admin:reports')}?{'&'.join(f'{name}={value}' for name, value in asked.items())}"


def test_the_page_asks_for_a_partner_first(staff: Client) -> None:
    answer = staff.get(reverse("admin:reports"))
    assert (answer.status_code, answer.context["reports"]) == (200, [])


def test_the_numbers_are_those_that_the_partner_reads(staff: Client, backend: Backend) -> None:
    key = make_key(backend.partner, name="Order <b>backend</b>")
    sign_in(key, times=3, redeemed=2)
    backend.open_endpoint()
    answer = staff.get(url_of(backend.partner.slug))
    summaries = [each.plot.summary for each in answer.context["reports"]]
    for name, summary in zip(ReportName, summaries, strict=True):
        if name is not ReportName.KEY_USAGE:  # reading a report is itself a use
            totals = report(key, name)["totals"]
            assert summary == ", ".join(f"{count} {what}" for what, count in totals.items())
    page = answer.content.decode()
    assert "Order &lt;b&gt;backend&lt;/b&gt;" in page
    assert key.key.kid in page
    assert f"{today()[8:]}" in answer.context["reports"][0].plot.bars[-1].label


@pytest.mark.parametrize(("days", "bars"), [("7", 7), ("30", 30), ("365", 365)])
def test_as_far_back_as_was_asked(staff: Client, backend: Backend, days: str, bars: int) -> None:
    answer = staff.get(url_of(backend.partner.pk, days=days))
    assert {len(each.plot.bars) for each in answer.context["reports"]} == {bars}


@pytest.mark.parametrize("query", [{"partner": "nobody"}, {"environment": "moon"}, {"days": "8"}, {"partner": "%00"}])
def test_a_wrong_question_is_answered_with_the_form(staff: Client, backend: Backend, query: dict[str, str]) -> None:
    answer = staff.get(url_of(**{"partner": backend.partner.slug, **query}))
    assert (answer.status_code, answer.context["reports"]) == (200, [])
    assert answer.context["form"].errors


def test_the_partners_page_leads_there(staff: Client, backend: Backend) -> None:
    page = staff.get(reverse("admin:partners_partner_change", args=[backend.partner.pk])).content.decode()
    assert f"{reverse('admin:reports')}?partner={backend.partner.slug}" in page


def test_who_may_not_see_the_use_of_keys_sees_no_reports(backend: Backend) -> None:
    assert signed_in().get(url_of(backend.partner.pk)).status_code == 403
    assert Client().get(url_of(backend.partner.pk)).status_code == 302


def test_the_page_costs_a_bounded_number_of_questions(staff: Client, backend: Backend) -> None:
    url = url_of(backend.partner.pk)
    sign_in(make_key(backend.partner), redeemed=1)
    few = questions(staff, url)
    for _ in range(3):
        sign_in(make_key(backend.partner), redeemed=1)
    assert questions(staff, url) == few <= 20
