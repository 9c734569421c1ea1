"""The API document of the setup calls, compared with what they do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from organizations.shapes import partner_setup_request, setup_request
from tests.organizations.backend import PARTNER_SETUP, SETUP, Backend


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
        (SETUP, {"201", "400", "401", "403", "409", "413", "415", "429", "503"}),
        (PARTNER_SETUP, {"200", "201", "400", "401", "403", "409", "413", "415", "429", "503"}),
    ],
)
def test_every_status_is_documented(document: dict[str, Any], form: str, statuses: set[str]) -> None:
    assert set(operation(document, form)["responses"]) == statuses


def test_both_conflicts_are_documented(document: dict[str, Any]) -> None:
    codes = {value["code"] for value in examples(operation(document, SETUP)["responses"]["409"])}
    assert codes == {"ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT"}


def test_request_examples_are_valid(document: dict[str, Any]) -> None:
    setup_request(examples(operation(document, SETUP)["requestBody"])[0])
    partner_setup_request(examples(operation(document, PARTNER_SETUP)["requestBody"])[0])


def test_examples_of_answers_have_the_fields_of_answers(document: dict[str, Any], backend: Backend) -> None:
    assert set(examples(operation(document, SETUP)["responses"]["201"])[0]) == set(backend.setup().json())
    partner = examples(operation(document, PARTNER_SETUP)["responses"]["200"])[0]
    answer = backend.partner_setup().json()
    assert (set(partner), set(partner["profile"])) == (set(answer), set(answer["profile"]))


def test_calls_of_the_guide_work_as_they_stand(backend: Backend) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "organizations.md").read_text()
    calls = re.findall(r'curl "\$STICKER_BASE_URL(\S+)".*?-d \'(.*?)\'\n', guide, re.DOTALL)
    answers = [backend.post(path, json.loads(body)) for path, body in calls]
    assert [answer.status_code for answer in answers] == [201, 200]
    shown = json.loads(re.findall(r"```json\n(.*?)```", guide, re.DOTALL)[0])
    assert set(shown) == set(answers[0].json())
