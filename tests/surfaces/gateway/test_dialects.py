"""What a proxy asks, and every way in which it could ask two things."""

import pytest

from surfaces.errors import AmbiguousRequestError
from surfaces.gateway.dialects import (
    CREDENTIAL_HEADERS,
    GUARDED_HEADERS,
    OVERRIDE_HEADERS,
    WORDINGS,
    Check,
    ClientRequest,
    read_check,
)
from surfaces.names import Dialect

NGINX = (
    ("x-original-method", "POST"),
    ("x-original-uri", "/Orders/Create?a=1"),
    ("x-original-host", "shop.example"),
    ("x-forwarded-for", "192.0.2.7"),
)
FORWARDED = (
    ("x-forwarded-method", "POST"),
    ("x-forwarded-uri", "/Orders/Create?a=1"),
    ("x-forwarded-host", "shop.example"),
    ("x-forwarded-for", "192.0.2.7"),
)
OWN = {
    Dialect.NGINX: NGINX,
    Dialect.CADDY: FORWARDED,
    Dialect.TRAEFIK: FORWARDED,
    Dialect.ENVOY: (("host", "shop.example"), ("x-sticker-client-address", "192.0.2.7")),
}


def check(dialect: Dialect, *more: tuple[str, str], own: tuple[tuple[str, str], ...] | None = None) -> Check:
    is_envoy = dialect is Dialect.ENVOY
    return Check(
        method="POST" if is_envoy else "GET",
        rest="/Orders/Create?a=1" if is_envoy else "",
        headers=(*(OWN[dialect] if own is None else own), *more),
    )


def read(dialect: Dialect, *more: tuple[str, str]) -> ClientRequest:
    return read_check(check(dialect, *more), dialect)


def doubt(asked: Check, dialect: Dialect) -> str:
    with pytest.raises(AmbiguousRequestError) as caught:
        read_check(asked, dialect)
    return caught.value.reason


@pytest.mark.parametrize("dialect", Dialect)
def test_each_dialect_tells_the_same_of_the_same_request(dialect: Dialect) -> None:
    asked = read(dialect, ("authorization", "Bearer x"), ("x-tenant", "acme"))

    assert (asked.method, asked.path, asked.query) == ("POST", "/Orders/Create", "a=1")
    assert (asked.host, asked.address, asked.tenant) == ("shop.example", "192.0.2.7", "acme")
    assert asked.credentials == (("authorization", "Bearer x"),)


@pytest.mark.parametrize("dialect", Dialect)
def test_the_headers_of_other_proxies_are_the_clients_and_say_nothing(dialect: Dialect) -> None:
    foreign = {name for wording in WORDINGS.values() for name in wording.names()} - set(WORDINGS[dialect].names()) - {"host"}
    lies = [(name, "/admin") for name in sorted(foreign)]

    assert read(dialect, *lies, *lies) == read(dialect)


@pytest.mark.parametrize("dialect", [Dialect.NGINX, Dialect.CADDY, Dialect.TRAEFIK])
def test_the_method_and_path_of_the_check_itself_say_nothing(dialect: Dialect) -> None:
    asked = read_check(Check(method="DELETE", rest="", headers=OWN[dialect]), dialect)

    assert (asked.method, asked.path) == ("POST", "/Orders/Create")


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "name", sorted((GUARDED_HEADERS - {"host", "apikey", "authorization"}) | {"x-auth-partner", "x-auth-assertion"})
)
def test_another_spelling_of_a_guarded_header_is_denied(dialect: Dialect, name: str) -> None:
    for spelling in (name.replace("-", "_"), name.replace("-", "_", 1), name.replace("-", ".")):
        assert doubt(check(dialect, (spelling, "x")), dialect) == "gateway_header_spelling"


@pytest.mark.parametrize("dialect", Dialect)
def test_a_doubled_header_of_the_proxy_is_denied(dialect: Dialect) -> None:
    for name, value in OWN[dialect]:
        assert doubt(check(dialect, (name, value)), dialect) == "gateway_header_doubled"


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("name", ["x-tenant", "x-shop-handle"])
def test_a_doubled_tenant_is_denied(dialect: Dialect, name: str) -> None:
    assert doubt(check(dialect, (name, "a"), (name, "a")), dialect) == "gateway_header_doubled"


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("name", sorted(OVERRIDE_HEADERS))
def test_a_header_that_could_overrule_what_is_checked_is_denied(dialect: Dialect, name: str) -> None:
    assert doubt(check(dialect, (name, "DELETE")), dialect) == "gateway_override_header"


@pytest.mark.parametrize("dialect", Dialect)
def test_every_line_of_every_credential_is_told(dialect: Dialect) -> None:
    lines = tuple((name, value) for name in CREDENTIAL_HEADERS for value in ("a", "b"))

    assert read(dialect, *lines).credentials == lines


@pytest.mark.parametrize("dialect", [Dialect.NGINX, Dialect.CADDY, Dialect.TRAEFIK])
def test_without_method_or_target_nothing_is_asked(dialect: Dialect) -> None:
    for missing in WORDINGS[dialect].method, WORDINGS[dialect].target:
        own = tuple((name, value) for name, value in OWN[dialect] if name != missing)
        empty = tuple((name, "" if name == missing else value) for name, value in OWN[dialect])

        assert doubt(check(dialect, own=own), dialect) == "gateway_header_missing"
        assert doubt(check(dialect, own=empty), dialect) == "gateway_header_missing"


@pytest.mark.parametrize("dialect", [Dialect.NGINX, Dialect.CADDY, Dialect.TRAEFIK])
def test_a_check_with_more_path_than_its_policy_is_denied(dialect: Dialect) -> None:
    asked = Check(method="GET", rest="/Orders/Create", headers=OWN[dialect])

    assert doubt(asked, dialect) == "gateway_check_path"


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "Orders",
        "http://other.example/Orders",
        "/a b",
        "/a\tb",
        "/a\x00",
        "/caf\u00e9",
        "/a#b",
        "/a?b=\x7f",
        "/" + "a" * 9000,
    ],
)
def test_a_target_that_is_no_plain_path_is_denied(target: str) -> None:
    nginx = tuple((name, target if name == "x-original-uri" else value) for name, value in NGINX)

    assert doubt(check(Dialect.NGINX, own=nginx), Dialect.NGINX) in ("gateway_target", "gateway_header_missing")
    envoy = Check(method="GET", rest=target, headers=OWN[Dialect.ENVOY])
    assert doubt(envoy, Dialect.ENVOY) == "gateway_target"


@pytest.mark.parametrize("method", ["get", "GET POST", "GET,POST", "G\u00c9T", "A" * 17, "GET\x00"])
def test_a_method_that_is_none_is_denied(method: str) -> None:
    own = tuple((name, method if name == "x-original-method" else value) for name, value in NGINX)

    assert doubt(check(Dialect.NGINX, own=own), Dialect.NGINX) == "gateway_method"


def test_the_address_is_the_one_that_the_proxy_added() -> None:
    own = tuple((name, "198.51.100.9, 192.0.2.7" if name == "x-forwarded-for" else value) for name, value in NGINX)

    assert read_check(check(Dialect.NGINX, own=own), Dialect.NGINX).address == "192.0.2.7"


def test_what_is_printed_of_a_request_holds_no_credential() -> None:
    asked = read(Dialect.NGINX, ("apikey", "ak_live_secret"))

    assert "ak_live_secret" not in repr(asked)
    assert "ak_live_secret" not in repr(check(Dialect.NGINX, ("apikey", "ak_live_secret")))
