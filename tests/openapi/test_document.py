"""The API document: valid, complete, and made of examples that hold."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from jsonschema import Draft202012Validator

from core.errors import StickerError, catalogue
from sticker_auth.openapi import document
from tests.factories import make_key, make_partner

JsonObject = dict[str, Any]
# Pages for people and staff, the document itself, and what proxies are told who ask at the wrong door.
NOT_API: Final = re.compile(r"/|/docs|/(admin|docs|connect)/.*|/auth/verify/.*|/v1/openapi\.json|/favicon\.ico")
# What only staff meet, in the admin and the commands.
STAFF_ERRORS: Final = {"PARTNER_NOT_FOUND", "KEY_NOT_FOUND", "KEY_STATE", "KEY_ALREADY_IMPORTED"} | {
    *("ROUTE_NOT_FOUND", "ROUTE_EXISTS", "TENANT_HOST_TAKEN", "ACCOUNT_NOT_FOUND", "EMAIL_TAKEN", "ACCOUNT_STATE")
}
# What a person meets who opens a connect link.
PAGE_ERRORS: Final = {"CONNECT_LINK_INVALID"}
# What a proxy tells for us, about paths that are not served here.
GATEWAY_ERRORS: Final = {"AMBIGUOUS_PATH", "AMBIGUOUS_REQUEST"}
REFUSALS: Final = [{"$ref": f"#/components/schemas/{name}"} for name in ("Error", "PlatformError", "OAuthError")]
# Refusals of no single operation: a wrong method, and our own faults.
GENERAL_ERRORS: Final = {"METHOD_NOT_ALLOWED", "INTERNAL_ERROR", "CONFLICT"}


def addresses(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        address = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        else:
            yield address


def operations() -> list[JsonObject]:
    return [operation for item in document()["paths"].values() for operation in item.values()]


def named(operation_id: str) -> JsonObject:
    return next(each for each in operations() if each["operationId"] == operation_id)


def problems(schema: JsonObject, value: object) -> list[str]:
    """Check a value against a schema of the document."""
    checked = Draft202012Validator({**schema, "components": document()["components"]})
    return [error.message for error in checked.iter_errors(value)]


def examples(content: JsonObject) -> list[Any]:
    given = [each["value"] for each in content.get("examples", {}).values()]
    return [*given, content["example"]] if "example" in content else given


def test_document_is_valid_and_made_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))
    assert document()["openapi"].startswith("3.1")


def test_every_address_is_in_the_document() -> None:
    served = {address for address in addresses(get_resolver().url_patterns) if not NOT_API.fullmatch(address)}
    assert served == set(document()["paths"])


def test_server_is_where_partners_reach_the_service() -> None:
    assert document()["servers"] == [{"url": settings.PUBLIC_BASE_URL}]


def test_every_error_a_caller_can_meet_is_documented_somewhere() -> None:
    slugs = {entry.slug for entry in catalogue()}
    named_somewhere = {
        slug
        for operation in operations()
        for response in operation["responses"].values()
        for slug in response.get("content", {}).get("application/json", {}).get("examples", {})
    }
    assert slugs - named_somewhere == (STAFF_ERRORS | PAGE_ERRORS | GATEWAY_ERRORS | GENERAL_ERRORS) & slugs


def test_codes_of_the_error_shape_are_the_catalogue() -> None:
    codes = document()["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    assert codes == [entry.slug for entry in catalogue()]


def test_every_operation_says_what_opens_it_and_has_a_described_tag() -> None:
    tags = {tag["name"] for tag in document()["tags"]}
    for operation in operations():
        assert "security" in operation, operation["operationId"]
        assert set(operation["tags"]) <= tags


@pytest.mark.parametrize("operation_id", ["handshake", "session_status", "whoami", "key_self_rotate", "organization_setup"])
def test_key_opens_an_operation_in_any_header_form(operation_id: str) -> None:
    forms = [next(iter(each)) for each in named(operation_id)["security"]]
    schemes = document()["components"]["securitySchemes"]
    sent_in = {schemes[form].get("name", schemes[form].get("scheme")) for form in forms}
    assert sent_in == {"bearer", "Authorization", "X-API-Key", "X-Stash-Api-Key", "ApiKey"}


def test_limited_calls_document_the_limit_headers() -> None:
    for operation_id in ("handshake", "organization_setup", "partner_organization_setup"):
        responses = named(operation_id)["responses"]
        for status in ("200", "201", "429"):
            if status in responses:
                limits = {name for name in responses[status]["headers"] if name.startswith("X-RateLimit-")}
                assert limits == {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}, operation_id
        assert "Retry-After" in responses["429"]["headers"]


def test_every_example_fits_its_schema() -> None:
    for operation in operations():
        parts = [*operation["responses"].values(), operation.get("requestBody", {})]
        for content in (each for part in parts for each in part.get("content", {}).values()):
            for value in examples(content):
                assert problems(content["schema"], value) == [], operation["operationId"]


def test_every_answer_with_a_body_has_an_example() -> None:
    for operation in operations():
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json")
            if content and content["schema"] not in REFUSALS:
                assert examples(content), (operation["operationId"], status)


@pytest.mark.django_db
def test_request_examples_work_as_they_stand(client: Client) -> None:
    key = make_key(make_partner())
    calls = [
        ("organization_setup", "/v1/organizations/setup"),
        ("partner_organization_setup", "/v1/partner/organization-setup"),
        ("handshake", "/v1/partner/handshake"),
        ("key_self_rotate", "/v1/keys/self/rotate"),
        ("key_self_revoke", "/v1/keys/self/revoke"),
    ]
    ours = ""
    for operation_id, path in calls:
        for example in examples(named(operation_id)["requestBody"]["content"]["application/json"]):
            body = {"profile_id": ours} if "profile_id" in example else example
            answer = client.post(path, body, content_type="application/json", headers={"X-API-Key": key.plaintext})
            assert answer.status_code in (200, 201), (operation_id, answer.content)
            ours = answer.json().get("profileId", ours)


@pytest.mark.django_db
def test_refusals_have_the_documented_shape(client: Client) -> None:
    key = {"X-API-Key": make_key().plaintext}
    error, problem = ({"$ref": f"#/components/schemas/{name}"} for name in ("Error", "Problem"))
    for headers in ({}, key):
        answer = client.post("/v1/partner/handshake", {}, content_type="application/json", headers=headers)
        assert problems(error, answer.json()) == []
        accepting = {**headers, "Accept": "application/problem+json"}
        answer = client.post("/v1/partner/handshake", {}, content_type="application/json", headers=accepting)
        assert (answer.headers["Content-Type"], problems(problem, answer.json())) == ("application/problem+json", [])


def test_no_error_shares_its_name_or_number() -> None:
    found: dict[object, type[StickerError]] = {}
    queue: list[type[StickerError]] = [StickerError]
    while queue:
        error = queue.pop()
        queue += error.__subclasses__()
        if error.slug == next((base.slug for base in error.__mro__[1:] if issubclass(base, StickerError)), None):
            continue  # the same refusal with more in its answer
        for mark in (error.slug, error.code):
            assert mark not in found, (error, found.get(mark))
            found[mark] = error
