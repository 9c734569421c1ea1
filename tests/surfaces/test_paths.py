"""One normal form of a path, or a refusal: whatever two servers could read differently never reaches a rule."""

from contextlib import suppress
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surfaces.errors import AmbiguousPathError
from surfaces.paths import MAX_PATH_CHARS, SegmentKind, normalise, parse_pattern

PLAIN: Final = {
    "/": (),
    "/Orders": ("Orders",),
    "/Orders/Create": ("Orders", "Create"),
    "/Orders/Create/": ("Orders", "Create"),
    "/Orders/%43reate": ("Orders", "Create"),
    "/orders/a-b_c.d~e": ("orders", "a-b_c.d~e"),
    "/a/b%20c": ("a", "b c"),
    "/a/100%25": ("a", "100%"),
    "/a/caf%C3%A9": ("a", "caf\u00e9"),
    "/a/%F0%9F%98%80": ("a", "\U0001f600"),
    "/a/!$&'()*+,=:@": ("a", "!$&'()*+,=:@"),
    "/a/.well-known": ("a", ".well-known"),
    "/a/file.tar.gz": ("a", "file.tar.gz"),
}
HOSTILE: Final = {
    "": "not_rooted",
    "Orders/Create": "not_rooted",
    "*": "not_rooted",
    "http://other.example/Orders/Create": "not_rooted",
    "//other.example/Orders/Create": "empty_segment",
    "/Orders//Create": "empty_segment",
    "/Orders/Create//": "empty_segment",
    "/./Orders": "dot_segment",
    "/Orders/.": "dot_segment",
    "/Orders/..": "dot_segment",
    "/public/../Orders/Create": "dot_segment",
    "/public/.../Orders": "dot_segment",
    "/public/%2e%2e/Orders": "encoded_dot",
    "/public/%2E%2e/Orders": "encoded_dot",
    "/public/.%2e/Orders": "encoded_dot",
    "/public%2f..%2fOrders": "encoded_slash",
    "/public/..%2FOrders": "encoded_slash",
    "/Orders%2fCreate": "encoded_slash",
    "/Orders%5cCreate": "encoded_backslash",
    "/Orders%5CCreate": "encoded_backslash",
    "/Orders\\Create": "backslash",
    "/Orders/..\\..\\admin": "backslash",
    "/Orders;v=1/Create": "path_parameter",
    "/Orders/Create;jsessionid=1": "path_parameter",
    "/Orders/..;/admin": "path_parameter",
    "/Orders%3bv=1/Create": "encoded_parameter",
    "/Orders/Create?x=1": "not_a_path",
    "/Orders/Create#x": "not_a_path",
    "/Orders/Create%3fx": "encoded_delimiter",
    "/Orders/Create%23x": "encoded_delimiter",
    "/Orders/Create%00": "encoded_control",
    "/Orders/Create%00.png": "encoded_control",
    "/Orders/Create%0a": "encoded_control",
    "/Orders/Create%0D%0AX-Auth-Partner:%20x": "encoded_control",
    "/Orders/Create%7f": "encoded_control",
    "/Orders/Create\x00": "control_character",
    "/Orders/Create\t": "control_character",
    "/Orders/Cre ate": "control_character",
    "/Orders/Create\r\nX: y": "control_character",
    "/Orders/caf\u00e9": "not_ascii",
    "/Orders/\uff0fadmin": "not_ascii",
    "/Orders/%": "broken_escape",
    "/Orders/%4": "broken_escape",
    "/Orders/%zz": "broken_escape",
    "/Orders/%u002f": "broken_escape",
    "/Orders/%252fadmin": "double_encoding",
    "/Orders/%252e%252e": "double_encoding",
    "/Orders/%25%32%66": "double_encoding",
    "/Orders/%ff": "not_utf8",
    "/Orders/%c3%28": "not_utf8",
    "/Orders/%c0%af": "not_utf8",
    "/Orders/%e0%80%af": "not_utf8",
    "/Orders/%ed%a0%80": "not_utf8",
    "/Orders/%f8%80%80%80%af": "not_utf8",
    "/Orders/%EF%BC%8Fadmin": "look_alike",
    "/Orders/%EF%BC%8E%EF%BC%8E": "dot_segment",
    "/Orders/%E2%80%A4%E2%80%A4": "dot_segment",
    "/Orders/%E2%88%95admin": "look_alike",
    "/Orders/%E2%81%84admin": "look_alike",
    "/Orders/%EF%BC%BCadmin": "look_alike",
    "/Orders/%EF%BC%9Bx": "look_alike",
    "/Orders/%E2%80%8BCreate": "unseen_character",
    "/Orders/%E2%80%AECreate": "unseen_character",
    "/Orders/%C2%85Create": "unseen_character",
    "/Orders/%E2%80%A8Create": "unseen_character",
    "/Orders/Create.": "trailing_dot_or_space",
    "/Orders./Create": "trailing_dot_or_space",
    "/Orders/Create%20": "trailing_dot_or_space",
    "/Orders/%20Create": "trailing_dot_or_space",
    "/Orders/%C2%A0Create": "trailing_dot_or_space",
    "/" + "a" * MAX_PATH_CHARS: "too_long",
    "/" + "a/" * 100 + "a": "too_long",
}


@pytest.mark.parametrize(("path", "segments"), PLAIN.items())
def test_a_plain_path_has_one_reading(path: str, segments: tuple[str, ...]) -> None:
    assert normalise(path).segments == segments


@pytest.mark.parametrize(("path", "reason"), HOSTILE.items())
def test_a_path_with_two_readings_is_refused_and_the_ledger_knows_why(path: str, reason: str) -> None:
    with pytest.raises(AmbiguousPathError) as refused:
        normalise(path)
    assert refused.value.reason == f"path:{reason}"
    assert (refused.value.status, refused.value.code) == (403, -38)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_refused_path_stays_refused_behind_a_plain_beginning(path: str) -> None:
    if path.startswith("/"):
        with pytest.raises(AmbiguousPathError):
            normalise(f"/public{path}")


@given(st.text(max_size=60))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    with suppress(AmbiguousPathError):
        assert all(normalise(text).segments)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_passes_reads_the_same_when_it_is_written_anew(text: str) -> None:
    try:
        found = normalise("/a/" + quote(text, safe="/"))
    except AmbiguousPathError:
        return
    again = "/" + "/".join(quote(segment, safe="") for segment in found.segments)
    assert normalise(again) == found
    assert not any(char in segment for segment in found.folded for char in "/\\;?#\x00")
    assert ".." not in found.folded
    assert "." not in found.folded


@given(st.binary(max_size=30))
def test_bytes_of_any_kind_are_read_as_utf8_or_refused(raw: bytes) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in raw)
    try:
        found = normalise(f"/x{escaped}")
    except AmbiguousPathError:
        return
    assert "/".join(found.segments) == "x" + raw.decode("utf-8").rstrip("/")


@pytest.mark.parametrize(
    ("pattern", "shape", "kinds"),
    [
        ("/", "/", ()),
        ("/Orders/Create", "/orders/create", (SegmentKind.LITERAL, SegmentKind.LITERAL)),
        ("/Orders/{order_id}", "/orders/{}", (SegmentKind.LITERAL, SegmentKind.PARAMETER)),
        ("/Orders/{id}/Lines/*", "/orders/{}/lines/*", (0, 1, 0, 2)),
        ("/*", "/*", (SegmentKind.REST,)),
        ("/a/.well-known", "/a/.well-known", (0, 0)),
    ],
)
def test_a_pattern_has_a_shape(pattern: str, shape: str, kinds: tuple[int, ...]) -> None:
    parsed = parse_pattern(pattern)
    assert (parsed.shape, parsed.kinds) == (shape, kinds)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "Orders",
        "/Orders/",
        "//Orders",
        "/Orders//Create",
        "/*/Orders",
        "/Orders/**",
        "/Orders/a*",
        "/{Id}",
        "/{}",
        "/{id",
        "/a{id}",
        "/{id}/{id}",
        "/..",
        "/a/./b",
        "/a.",
        "/a b",
        "/a%20b",
        "/a;b",
        "/a\\b",
        "/caf\u00e9",
        "/a?b",
        "/a\n",
    ],
)
def test_a_pattern_that_no_request_should_mean_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "path", "matches", "is_spelled"),
    [
        ("/Orders/Create", "/Orders/Create", True, True),
        ("/Orders/Create", "/Orders/Create/", True, True),
        ("/Orders/Create", "/orders/CREATE", True, False),
        ("/Orders/Create", "/Orders/Create/1", False, True),
        ("/Orders/Create", "/Orders", False, True),
        ("/Orders/{id}", "/Orders/17", True, True),
        ("/Orders/{id}", "/Orders/ABC", True, True),
        ("/Orders/{id}", "/Orders", False, True),
        ("/Orders/{id}", "/Orders/17/lines", False, True),
        ("/Orders/*", "/Orders/17/lines", True, True),
        ("/Orders/*", "/Orders/17", True, True),
        ("/Orders/*", "/Orders", False, True),
        ("/*", "/", False, True),
        ("/", "/", True, True),
        # Case folds that look alike to a server that ignores case, and the long s among them.
        ("/Orders/sss", "/Orders/%C3%9Fs", True, False),
        ("/Orders/s", "/Orders/%C5%BF", True, False),
        ("/Orders/k", "/Orders/%E2%84%AA", True, False),
        ("/Orders/a", "/Orders/%EF%BD%81", True, False),
    ],
)
def test_a_pattern_matches_whatever_the_case_and_says_whether_it_was_its_own(
    pattern: str, path: str, matches: bool, is_spelled: bool
) -> None:
    parsed, found = parse_pattern(pattern), normalise(path)
    assert parsed.matches(found.folded) is matches
    if matches:
        assert parsed.is_spelled(found.segments) is is_spelled
