"""Bodies that are wrong or hostile: a documented 4xx that names the place, and not one row changed."""

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FieldProblem, InvalidRequestError
from organizations import shapes
from tests.organizations.backend import (
    ADDRESS,
    MEMBER,
    PARTNER_SETUP,
    SETUP,
    Backend,
    all_rows,
    changed,
    partner_body,
    setup_body,
    without,
)

FULL_SETUP: Final = setup_body(
    userAddress=dict(ADDRESS),
    shippingLocations=[dict(ADDRESS), {**ADDRESS, "line2": "Gate 3", "country": "United States"}],
    billingAddress=dict(ADDRESS),
    organizationEmail="office@northwind.example",
    organizationPhone="+1 415 555 0101",
    accessToken="opaque",
    refreshToken="opaque",
    accessTokenExpiresIn=3600,
)
FULL_PARTNER_SETUP: Final = partner_body(
    access_token="opaque",
    **{"organization.phone": "555", "users.0.role": "admin", "organization.addresses.0.is_primary": True},
)
GOOD: Final = {SETUP: FULL_SETUP, PARTNER_SETUP: FULL_PARTNER_SETUP}

TEXTS: Final = {
    SETUP: {
        "internalOrgId": 128,
        "organizationName": 200,
        "internalUserId": 128,
        "user.firstName": 100,
        "user.lastName": 100,
        "userAddress.line1": 200,
        "userAddress.city": 100,
        "billingAddress.province": 100,
        "shippingLocations.1.postalCode": 20,
    },
    PARTNER_SETUP: {
        "partner_org_id": 128,
        "organization.name": 200,
        "organization.addresses.0.line1": 200,
        "organization.addresses.0.city": 100,
        "organization.addresses.0.state": 100,
        "organization.addresses.0.zip": 20,
        "users.0.first_name": 100,
        "users.0.last_name": 100,
    },
}
OPTIONAL_TEXTS: Final = {
    SETUP: {
        "user.phoneNumber": 32,
        "organizationPhone": 32,
        "shippingLocations.1.line2": 200,
        "shippingLocations.1.country": 100,
        "accessToken": 8192,
        "refreshToken": 8192,
    },
    PARTNER_SETUP: {"organization.phone": 32, "organization.addresses.0.line2": 200, "access_token": 8192},
}
EMAILS: Final = {SETUP: ["user.email"], PARTNER_SETUP: ["organization.email", "users.0.email"]}
OBJECTS: Final = {SETUP: ["user"], PARTNER_SETUP: ["organization", "users.0", "organization.addresses.0"]}
LISTS: Final = {PARTNER_SETUP: ["users", "organization.addresses"]}
NOT_TEXTS: Final[list[object]] = [5, 1.5, True, [], {}, ["text"], {"a": "b"}]


def wrong_values() -> list[tuple[str, str, object]]:
    """Every (form, path, value) that the documented shapes rule out."""
    table: list[tuple[str, str, object]] = []
    for form, texts in TEXTS.items():
        for path, most in texts.items():
            bad = [
                *NOT_TEXTS,
                None,
                "",
                "   ",
                "\u200b\u200d",
                "a\u0007b",
                "a\u009fb",
                "two\nlines",
                "a\u2028b",
                "x" * (most + 1),
            ]
            table += [(form, path, value) for value in bad]
    for form, texts in OPTIONAL_TEXTS.items():
        for path, most in texts.items():
            table += [(form, path, value) for value in [*NOT_TEXTS, "a\u0001", "x" * (most + 1)]]
    for form, paths in EMAILS.items():
        bad = [*NOT_TEXTS, None, "", "ada", "ada@", "@northwind.example", "a b@c.example", "a@b", "a@" + "b" * 260 + ".example"]
        table += [(form, path, value) for path in paths for value in bad]
    for form, paths in OBJECTS.items():
        table += [(form, path, value) for path in paths for value in [5, "text", [], None, True]]
    for form, paths in LISTS.items():
        table += [(form, path, value) for path in paths for value in [5, "text", {}, None, True, []]]
    return [*table, *ODD_VALUES]


ODD_VALUES: Final[list[tuple[str, str, object]]] = [
    (SETUP, "shippingLocations", {}),
    (SETUP, "shippingLocations", "text"),
    (SETUP, "shippingLocations", [dict(ADDRESS)] * 51),
    (SETUP, "shippingLocations.0", None),
    (SETUP, "shippingLocations.0", []),
    (SETUP, "userAddress", []),
    (SETUP, "userAddress", {}),
    (SETUP, "userAddress.province", "Narnia"),
    (SETUP, "billingAddress", "text"),
    (SETUP, "internalUserId", "zero\u200bwidth"),
    (SETUP, "accessTokenExpiresIn", "3600"),
    (SETUP, "accessTokenExpiresIn", True),
    (SETUP, "accessTokenExpiresIn", 1.5),
    (SETUP, "accessTokenExpiresIn", -1),
    (SETUP, "accessTokenExpiresIn", 10**12),
    (PARTNER_SETUP, "users.0.role", "owner"),
    (PARTNER_SETUP, "users.0.role", "Admin"),
    (PARTNER_SETUP, "users.0.role", ["admin"]),
    (PARTNER_SETUP, "users.0.role", True),
    (PARTNER_SETUP, "users.0.role", ""),
    (PARTNER_SETUP, "organization.addresses.0.is_primary", "true"),
    (PARTNER_SETUP, "organization.addresses.0.is_primary", 1),
    (PARTNER_SETUP, "organization.addresses.0.state", "Bavaria"),
    (PARTNER_SETUP, "users", [dict(MEMBER)] * 101),
]


def written(path: str) -> str:
    """The way a refusal writes a path: users.0.email is users[0].email."""
    return "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path.split(".")).removeprefix(".")


def test_every_wrong_value_is_refused_by_its_path() -> None:
    missed = []
    for form, path, value in wrong_values():
        fields = [problem.field for problem in problems_of(form, changed(GOOD[form], {path: value}))]
        if not any(field.startswith(written(path)) for field in fields):
            missed.append((form, path, value, fields))
    assert missed == []


@pytest.mark.parametrize(("form", "path", "value"), ODD_VALUES)
def test_wrong_value_is_answered_by_its_path(backend: Backend, form: str, path: str, value: object) -> None:
    before = all_rows()
    answer = backend.post(form, changed(GOOD[form], {path: value}))
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert any(problem["field"].startswith(written(path)) for problem in answer.json()["details"])
    assert all_rows() == before


READERS: Final = {SETUP: shapes.setup_request, PARTNER_SETUP: shapes.partner_setup_request}


@pytest.mark.parametrize(
    ("form", "path"),
    [
        (form, path)
        for form in (SETUP, PARTNER_SETUP)
        for path in [*TEXTS[form], *EMAILS[form], *OBJECTS[form], *LISTS.get(form, [])]
        if not path.endswith(".0")
    ],
)
def test_missing_field_is_refused_by_its_path(backend: Backend, form: str, path: str) -> None:
    before = all_rows()
    answer = backend.post(form, without(GOOD[form], path))
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert written(path) in [problem["field"] for problem in answer.json()["details"]]
    assert all_rows() == before


def as_bytes(**changes: Any) -> bytes:
    return json.dumps(setup_body(**changes)).encode()


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BROKEN: Final[dict[str, tuple[bytes, int, str]]] = {
    "blank": (b" ", 400, "INVALID_REQUEST"),
    "half": (as_bytes()[:-1], 400, "INVALID_REQUEST"),
    "trailing": (as_bytes() + b"{}", 400, "INVALID_REQUEST"),
    "array": (b"[" + as_bytes() + b"]", 400, "INVALID_REQUEST"),
    "text": (b'"text"', 400, "INVALID_REQUEST"),
    "null": (b"null", 400, "INVALID_REQUEST"),
    "nan": (as_bytes(extra=float("nan")), 400, "INVALID_REQUEST"),
    "infinity": (as_bytes(extra=float("-inf")), 400, "INVALID_REQUEST"),
    "huge exponent": (as_bytes()[:-1] + b', "extra": 1e999}', 400, "INVALID_REQUEST"),
    "huge integer": (as_bytes()[:-1] + b', "extra": ' + b"9" * 5000 + b"}", 400, "INVALID_REQUEST"),
    "byte order mark": (b"\xef\xbb\xbf" + as_bytes(), 400, "INVALID_REQUEST"),
    "utf-16": (as_bytes().decode().encode("utf-16"), 400, "INVALID_REQUEST"),
    "not utf-8": (as_bytes().replace(b"Northwind", b"\xff\xfe"), 400, "INVALID_REQUEST"),
    "cut utf-8": (as_bytes().replace(b"Northwind", b"\xe2\x82"), 400, "INVALID_REQUEST"),
    "nul escaped": (as_bytes(organizationName="a\x00b"), 400, "INVALID_REQUEST"),
    "nul in unknown field": (as_bytes(extra={"a": ["\x00"]}), 400, "INVALID_REQUEST"),
    "nul raw": (as_bytes().replace(b"Northwind", b"North\x00wind"), 400, "INVALID_REQUEST"),
    "lone surrogate": (as_bytes(organizationName="\ud800"), 400, "INVALID_REQUEST"),
    "duplicate key": (as_bytes()[:-1] + b', "internalOrgId": "other"}', 400, "INVALID_REQUEST"),
    "duplicate inner key": (as_bytes().replace(b'"user": {', b'"user": {"email": "x@y.example", '), 400, "INVALID_REQUEST"),
    "deep": (as_bytes(extra=nested(40)), 400, "INVALID_REQUEST"),
    "very deep": (b"[" * 60_000, 400, "INVALID_REQUEST"),
    "oversized": (as_bytes(extra="x" * 65_536), 413, "PAYLOAD_TOO_LARGE"),
    "single quotes": (as_bytes().replace(b'"', b"'"), 400, "INVALID_REQUEST"),
    "comment": (b"/* */" + as_bytes(), 400, "INVALID_REQUEST"),
}


@pytest.mark.parametrize("form", [SETUP, PARTNER_SETUP])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_body_is_refused(backend: Backend, form: str, name: str) -> None:
    body, status, code = BROKEN[name]
    before = all_rows()
    answer = backend.post(form, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["success"] is False
    assert answer.headers["X-RateLimit-Limit"] == "100"
    assert all_rows() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_body_must_be_named_json(backend: Backend, kind: str) -> None:
    answer = backend.post(SETUP, as_bytes(), **{"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_charset_of_the_media_type_is_ignored(backend: Backend) -> None:
    assert backend.post(SETUP, as_bytes(), **{"Content-Type": "application/json; charset=utf-8"}).status_code == 201


def test_key_in_a_form_counts_as_leaked(backend: Backend) -> None:
    body = f"key={backend.issued.plaintext}".encode()
    answer = backend.post(SETUP, body, **{"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json()["code"]) == (400, "SECRET_IN_URL")


def test_key_in_the_query_counts_as_leaked(backend: Backend) -> None:
    answer = backend.post(f"{SETUP}?api_key={backend.issued.plaintext}", setup_body())
    assert (answer.status_code, answer.json()["code"]) == (400, "SECRET_IN_URL")


@pytest.mark.parametrize("form", [SETUP, PARTNER_SETUP])
@pytest.mark.parametrize("field", ["partner_id", "environment", "scopes", "is_used", "expires_at"])
def test_field_that_would_grant_something_is_refused(backend: Backend, form: str, field: str) -> None:
    before = all_rows()
    answer = backend.post(form, {**GOOD[form], field: None})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, field)
    assert all_rows() == before


def test_refusal_does_not_repeat_what_was_sent(backend: Backend) -> None:
    body = changed(FULL_PARTNER_SETUP, {"users.0.role": "canary-4711", "organization.addresses.0.state": "canary-4711"})
    answer = backend.partner_setup(body)
    assert answer.status_code == 400
    assert "canary-4711" not in answer.content.decode()


@pytest.mark.parametrize("form", [SETUP, PARTNER_SETUP])
def test_good_bodies_of_these_tables_are_good(backend: Backend, form: str) -> None:
    assert backend.post(form, GOOD[form]).status_code == 201


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("form", [SETUP, PARTNER_SETUP])
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_no_value_anywhere_breaks_the_reader(form: str, data: st.DataObject) -> None:
    paths = [*TEXTS[form], *OPTIONAL_TEXTS[form], *EMAILS[form], *OBJECTS[form], *LISTS.get(form, [])]
    body = changed(GOOD[form], {})
    body[data.draw(st.text(max_size=8))] = data.draw(anything)
    body = changed(body, {data.draw(st.sampled_from(paths)): data.draw(anything)})
    assert all(problem.field and problem.message for problem in problems_of(form, body))


def problems_of(form: str, body: dict[str, Any]) -> tuple[FieldProblem, ...]:
    """What the reader finds wrong; anything but its own refusal comes through."""
    try:
        READERS[form](body)
    except InvalidRequestError as error:
        return error.details
    return ()
