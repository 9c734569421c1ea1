"""The API document of the setup calls, compared with what they do."""

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from organizations.shapes import partner_setup_request, setup_request
from tests.organizations.backend import PARTNER_SETUP, SETUP, Backend, setup_body


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    return dict(generator().get_schema(request=None, public=True))


def operation(document: dict[str, Any], form: str) -> dict[str, Any]:
    return dict(document["paths"][form]["post"])


def examples(part: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in part["content"]["application/json"]["examples"].values()]


@pytest.mark.parametrize(
    ("form", "statuses"),
    [
        (SETUP, ["201", "400", "401", "403", "409", "413", "415", "429", "500", "503"]),
        (PARTNER_SETUP, ["200", "201", "400", "401", "403", "409", "413", "415", "429", "500", "503"]),
    ],
)
def test_every_status_is_documented(document: dict[str, Any], form: str, statuses: list[str]) -> None:
    assert sorted(operation(document, form)["responses"]) == statuses


def test_every_refusal_has_an_example(document: dict[str, Any]) -> None:
    for status, response in operation(document, SETUP)["responses"].items():
        assert examples(response), status
    codes = {value["code"] for value in examples(operation(document, SETUP)["responses"]["409"])}
    assert codes == {"ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT"}


def test_limit_headers_are_documented(document: dict[str, Any]) -> None:
    responses = operation(document, SETUP)["responses"]
    for status in ("201", "400", "403", "409", "413", "415", "429"):
        assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(responses[status]["headers"])
    assert "Retry-After" in responses["429"]["headers"]


def test_request_examples_are_valid(document: dict[str, Any]) -> None:
    setup_request(examples(operation(document, SETUP)["requestBody"])[0])
    partner_setup_request(examples(operation(document, PARTNER_SETUP)["requestBody"])[0])


def test_examples_of_answers_have_the_fields_of_answers(document: dict[str, Any], backend: Backend) -> None:
    assert set(examples(operation(document, SETUP)["responses"]["201"])[0]) == set(backend.setup().json())
    partner = examples(operation(document, PARTNER_SETUP)["responses"]["200"])[0]
    answer = backend.partner_setup().json()
    assert (set(partner), set(partner["profile"])) == (set(answer), set(answer["profile"]))


def test_refusals_have_the_documented_fields(document: dict[str, Any], backend: Backend) -> None:
    documented = set(document["components"]["schemas"]["Refusal"]["properties"])
    assert set(backend.setup(setup_body(user=None)).json()) == documented
