"""The parts of the API document that no single view owns: introduction, tags, security schemes, headers, error shapes."""

from typing import Final

from core.credentials import KEY_PATTERN
from core.errors import StickerError, catalogue
from core.strict_json import JsonObject

INTRODUCTION: Final = """
The partner API of Sticker Auth. Your backend holds an API key; your users' iframes never see it.

1. Set up an organization and its user: `POST /v1/organizations/setup`.
2. Ask for a one-time session token for that user: `POST /v1/partner/handshake`.
3. Put `iframe_embed_url` of the answer into an iframe, as it stands. The page in it redeems the token.

**Credentials.** Send the key as `Authorization: Bearer KEY`. `Authorization: ApiKey KEY`, `X-API-Key: KEY`,
`X-Stash-Api-Key: KEY` and `ApiKey: KEY` mean the same. Send exactly one of them, once. A key in a query string or a form is
refused, and is to be treated as leaked.

**Environments.** A key whose text begins with `sk_test_` sees test data only, one with `sk_live_` sees live data only.

**Requests and answers** are JSON in UTF-8, at most 64 KiB. Fields we do not know are ignored. Every answer carries
`X-Request-ID`; send your own (8 to 64 letters, digits, dots, underscores, hyphens) and it is used.

**Errors** have one shape, `Error`. With `Accept: application/problem+json` you get RFC 9457 instead. All codes stand in the
[list of errors](/docs/errors).

**Limits** count per partner and environment: 100 setup calls and 300 handshakes a minute unless agreed otherwise. The whole
minute's allowance may be used at once; it refills evenly. Every answer of these calls to a known key carries
`X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`.
""".strip()

TAGS: Final = {
    "Organizations": "Tell us about your customers' organizations and their users. Both forms fill the same records.",
    "Sessions": "Ask for one-time session tokens, see what became of them, and end them. For your backend, with your API key.",
    "Embed page": (
        "What the page inside the iframe calls. These calls are accepted from the embed page's own origin only, so you never"
        " make them yourself; redeem alone may be called without a page, for tests."
    ),
    "Keys": "What a key may know and do about itself.",
    "Reports": "What your keys, your users and your endpoints did, counted: the same numbers that our staff see.",
    "Service": "For load balancers and monitors.",
}

KEY_SCHEMES: Final = ("bearerKey", "apiKeyScheme", "xApiKey", "xStashApiKey", "apiKey")
EMBED_PARAMETERS: Final = ("EmbedCall", "EmbedPartner", "EmbedEnvironment")
SETS_COOKIE: Final = frozenset({"session_redeem", "session_refresh", "session_logout"})
STATUSES: Final = {"200": "Done.", "201": "Created.", "202": "Accepted.", "204": "Done; the answer has no body."}
REQUEST_ID: Final = "0f4b6f0c3f0e4f6f8a1c2d3e4f5a6b7c"


def _identified_by(title: str, name: str, **more: JsonObject) -> JsonObject:
    return {"title": title, "required": [name, *more], "properties": {name: {"type": "string"}, **more}}


# Which one of three ways the caller took; a name that is null counts as left out.
HANDSHAKE_WAYS: Final = [
    _identified_by("By your id", "internal_user_id"),
    _identified_by("By our id", "profile_id"),
    _identified_by("By organization and e-mail", "partner_org_id", user={"$ref": "#/components/schemas/HandshakeUserRequest"}),
]


def components() -> dict[str, dict[str, JsonObject]]:
    """The reusable parts by kind and name."""
    return {"securitySchemes": _SECURITY, "headers": _HEADERS, "parameters": _PARAMETERS, "schemas": _schemas()}


def error_example(error: type[StickerError]) -> JsonObject:
    """The body of a refusal as a caller meets it."""
    waits = {"retry_after": 2} if error.status in (429, 503) else {}
    return {
        "success": False,
        "error": error.title,
        "code": error.slug,
        "message": error.message,
        "details": [],
        "request_id": REQUEST_ID,
        **waits,
    }


def pages(*, embed_base: str) -> dict[str, JsonObject]:
    """The addresses that are not REST endpoints but that a partner or an operator calls."""
    return {
        "/embedded/{partner_id}": _embed_page("embed_live", "The embed page, live", embed_base),
        "/sandbox/embedded/{partner_id}": _embed_page("embed_test", "The embed page, test", embed_base),
        "/healthz": {"get": _probe("healthz", "The process answers", {"status": "ok"})},
        "/readyz": {"get": _probe("readyz", "The service can work", {"status": "ready"}) | {"responses": _READY}},
    }


def _key_header(name: str, text: str) -> JsonObject:
    return {"type": "apiKey", "in": "header", "name": name, "description": text}


_SECURITY: Final[dict[str, JsonObject]] = {
    "bearerKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": KEY_PATTERN,
        "description": "Your API key: `Authorization: Bearer KEY`. The form to prefer.",
    },
    "apiKeyScheme": _key_header("Authorization", "The same key: `Authorization: ApiKey KEY`. Type the word `ApiKey` too."),
    "xApiKey": _key_header("X-API-Key", "The same key in a header of its own."),
    "xStashApiKey": _key_header("X-Stash-Api-Key", "The same key, for clients written for Stash."),
    "apiKey": _key_header("ApiKey", "The same key, for clients written for Payment and Supplier."),
    "embedCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-es-{partner}-{l|t}",
        "description": "The embed session. `{partner}` is the first 8 hex digits of the partner id, `l` is live, `t` is test.",
    },
    "embedToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token that redeem and refresh answer; it is good for 300 seconds at most.",
    },
}


def _header(kind: str, text: str, **more: object) -> JsonObject:
    return {"description": text, "schema": {"type": kind, **more}}


_HEADERS: Final[dict[str, JsonObject]] = {
    "X-Request-ID": _header("string", "Joins this answer with our log and ledger. Name it when you ask us about a call."),
    "X-RateLimit-Limit": _header("integer", "Calls a minute."),
    "X-RateLimit-Remaining": _header("integer", "Calls left right now.", minimum=0),
    "X-RateLimit-Reset": _header("integer", "When the whole allowance is back, in seconds since 1970."),
    "Retry-After": _header("integer", "Seconds to wait before the next try.", minimum=1),
    "WWW-Authenticate": _header("string", "The scheme we expect, and `invalid_token` when a credential was sent (RFC 6750)."),
    "Deprecation": _header("string", "When this key was replaced, as `@` and seconds since 1970 (RFC 9745)."),
    "Sunset": _header("string", "When this replaced key stops working (RFC 8594)."),
    "Link": _header("string", "Where a replaced key learns about its successor (RFC 5829)."),
    "Idempotent-Replayed": _header("string", "`true` when this answer was given before.", enum=["true"]),
    "Set-Cookie": _header("string", "The embed session's cookie: HttpOnly, Secure, SameSite=None, Partitioned."),
}
_PARAMETERS: Final[dict[str, JsonObject]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": (
            "1 to 255 printable ASCII characters without spaces. The same key with the same body gets the first answer again,"
            " for 24 hours; with another body it is refused."
        ),
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "EmbedCall": {
        "name": "X-Sticker-Embed",
        "in": "header",
        "required": True,
        "description": "Always `1`. A page of another origin cannot send it. Calls other than GET need `Origin` too.",
        "schema": {"type": "string", "enum": ["1"]},
    },
    "EmbedPartner": {
        "name": "X-Sticker-Partner",
        "in": "header",
        "description": "The partner id of the page, when several partners' frames share the browser.",
        "schema": {"type": "string"},
    },
    "EmbedEnvironment": {
        "name": "X-Sticker-Environment",
        "in": "header",
        "description": "The environment of the page, `live` or `test`; goes with `X-Sticker-Partner`.",
        "schema": {"type": "string"},
    },
}


def _schemas() -> dict[str, JsonObject]:
    code = {"type": "string", "enum": [entry.slug for entry in catalogue()], "description": "The name in the error list."}
    return {
        "ErrorDetail": {
            "type": "object",
            "required": ["field", "message"],
            "properties": {
                "field": {"type": "string", "description": "The path of the field in the body, for example `user.email`."},
                "message": {"type": "string"},
            },
        },
        "Error": {
            "type": "object",
            "description": "Every refusal. Some codes add fields, such as the ids of what exists already.",
            "required": ["success", "error", "code", "message", "details", "request_id"],
            "properties": {
                "success": {"type": "boolean", "const": False},
                "error": {"type": "string", "description": "A short title."},
                "code": code,
                "message": {"type": "string", "description": "What is wrong and what to do, for a person."},
                "details": {"type": "array", "items": {"$ref": "#/components/schemas/ErrorDetail"}},
                "request_id": {"type": "string"},
                "retry_after": {"type": "integer", "description": "Seconds to wait; with 429 and 503."},
            },
        },
        "Problem": {
            "type": "object",
            "description": "The same as RFC 9457 has it, for callers that accept `application/problem+json`.",
            "required": ["type", "title", "status", "detail", "instance", "code", "errors", "request_id"],
            "properties": {
                "type": {"type": "string", "format": "uri-reference"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "instance": {"type": "string", "format": "uri-reference"},
                "code": code,
                "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ErrorDetail"}},
                "request_id": {"type": "string"},
                "retry_after": {"type": "integer"},
            },
        },
    }


def _embed_page(operation_id: str, summary: str, embed_base: str) -> JsonObject:
    operation = {
        "operationId": operation_id,
        "tags": ["Embed page"],
        "summary": summary,
        "description": (
            "What the iframe shows. It consumes no token and writes nothing; its script redeems the token that stands in the"
            " fragment. It can be framed by the origins that are registered for the partner and environment, by no others."
        ),
        "servers": [{"url": embed_base}],
        "security": [],
        "parameters": _PAGE_PARAMETERS,
        "responses": {
            "200": {
                "description": "The page; the same for an unknown partner, which nobody may frame.",
                "content": {"text/html": {"schema": {"type": "string"}}},
            },
            "404": {"description": "Not a partner id.", "content": {"application/json": {"schema": _ERROR}}},
            "503": {"description": "The database does not answer.", "content": {"application/json": {"schema": _ERROR}}},
        },
    }
    return {"get": operation}


_ERROR: Final = {"$ref": "#/components/schemas/Error"}


def _in_query(name: str, text: str) -> JsonObject:
    return {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}


# A value the page does not know is ignored, so none of these is restricted.
_PAGE_PARAMETERS: Final[list[JsonObject]] = [
    {"name": "partner_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
    _in_query("theme", "`light` or `dark`; else what the device prefers."),
    _in_query("hide_nav", "`1` leaves out the page's own top bar."),
    _in_query("category", "Which section to open: 1 to 64 letters, digits, hyphens, underscores."),
    _in_query("return_url", "Where the link back leads: relative, or on a registered origin."),
]


def _probe(operation_id: str, summary: str, answer: JsonObject) -> JsonObject:
    return {
        "operationId": operation_id,
        "tags": ["Service"],
        "summary": summary,
        "security": [],
        "responses": {"200": _state(summary + ".", answer)},
    }


def _state(description: str, example: JsonObject, **more: object) -> JsonObject:
    properties = {"status": {"type": "string"}, "failing": {"type": "array", "items": {"type": "string"}}}
    schema = {"type": "object", "required": ["status"], "properties": properties}
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}, **more}


_READY: Final = {
    "200": _state("The database answers and its schema is up to date.", {"status": "ready"}),
    "503": _state(
        "Send no traffic here.",
        {"status": "unavailable", "failing": ["database"]},
        headers={"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
    ),
}
