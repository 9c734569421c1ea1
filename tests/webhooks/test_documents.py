"""What partners read about events is what the code knows."""

from django.test import Client

from core.strict_json import JsonObject
from sticker_auth.openapi import document
from tests.contract.documents import table_rows
from tests.openapi.test_document import problems
from webhooks.catalogue import CATALOGUE, is_reserved
from webhooks.models import DeliveryState, MessageSource


def bodies(operation: JsonObject) -> JsonObject:
    content: JsonObject = operation["requestBody"]["content"]["application/json"]
    return content


def test_every_event_is_in_the_table_of_the_document() -> None:
    rows = table_rows("webhooks.md", columns=("type", "meaning"))
    assert rows == [[each.type, each.meaning] for each in CATALOGUE.values()]


def test_every_state_of_a_delivery_is_explained() -> None:
    rows = table_rows("webhooks.md", columns=("state", "meaning"))
    assert [row[0] for row in rows[: len(DeliveryState)]] == DeliveryState.values


def test_every_event_is_a_webhook_of_the_api_document_with_examples_that_fit() -> None:
    webhooks = document()["webhooks"]
    assert set(webhooks) == set(CATALOGUE)
    for item in webhooks.values():
        content = bodies(item["post"])
        for example in content["examples"].values():
            assert problems(content["schema"], example["value"]) == [], item["post"]["operationId"]
        for parameter in item["post"]["parameters"]:
            assert parameter["$ref"].removeprefix("#/components/parameters/") in document()["components"]["parameters"]


def test_events_page_is_open_and_has_an_entry_for_each(client: Client) -> None:
    answer = client.get("/docs/events")
    assert answer.status_code == 200
    assert not answer.cookies
    page = answer.content.decode()
    assert [each for each in CATALOGUE if f'id="{each}"' not in page] == []


def test_only_our_own_types_are_reserved() -> None:
    assert {each.type for each in CATALOGUE.values() if is_reserved(each.type)} == {
        each.type for each in CATALOGUE.values() if each.source is MessageSource.OWN
    }
