"""The handler finds an address by a look-up where Django finds it by search, and nothing else."""

from uuid import UUID

import pytest
from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve

from sticker_auth.handler import Handler


@pytest.fixture(scope="module")
def handler() -> Handler:
    return Handler()


@pytest.mark.parametrize("path", ["/v1/whoami", "/v1/partner/handshake", "/docs/errors", f"/v1/sessions/{UUID(int=1)}"])
def test_an_address_leads_where_django_says_the_first_time_and_the_next(handler: Handler, path: str) -> None:
    expected = resolve(path)
    for _ in range(2):
        request = RequestFactory().get(path)
        match = handler.resolve_request(request)
        assert (match.func, match.view_name, match.kwargs) == (expected.func, expected.view_name, expected.kwargs)
        assert request.resolver_match is match


def test_an_address_with_parameters_is_searched_for_each_time(handler: Handler) -> None:
    first, second = (handler.resolve_request(RequestFactory().get(f"/v1/sessions/{UUID(int=n)}")) for n in (1, 2))
    assert first.kwargs != second.kwargs


def test_an_unknown_address_stays_unknown(handler: Handler) -> None:
    for _ in range(2):
        with pytest.raises(Http404):
            handler.resolve_request(RequestFactory().get("/v1/nothing"))
