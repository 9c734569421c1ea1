"""OAuth's token endpoints (RFC 6749 §5): parameters by form or JSON, client credentials by header or body, refusals."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from django.http import HttpRequest, HttpResponse

from core.api import read_request_json
from core.errors import FieldProblem, InvalidRequestError, MultipleCredentialsError, PayloadTooLargeError, StickerError
from core.http import KEY_HEADERS, request_id
from core.logs import mask
from core.responses import json_response
from core.strict_json import MAX_BODY_BYTES
from partners.scopes import Scope, parse_scopes
from surfaces.client_secrets import ClientCredentials
from surfaces.token_errors import InvalidClientError, InvalidScopeError

FORM: Final = "application/x-www-form-urlencoded"
MAX_PARAMETERS: Final = 32
MAX_VALUE_CHARS: Final = 8192
_BASIC: Final = 'Basic realm="sticker", charset="UTF-8"'
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*", re.ASCII)
# What RFC 6749 §5.2 and RFC 8693 §2.2.2 name; the names of other refusals say nothing to an OAuth client.
_NAMES: Final = {
    "INVALID_CLIENT": "invalid_client",
    "INVALID_GRANT": "invalid_grant",
    "INVALID_SCOPE": "invalid_scope",
    "UNSUPPORTED_GRANT_TYPE": "unsupported_grant_type",
    "UNAUTHORIZED_CLIENT": "unauthorized_client",
    "RATE_LIMIT_EXCEEDED": "temporarily_unavailable",
    "SERVICE_UNAVAILABLE": "temporarily_unavailable",
    "INTERNAL_ERROR": "server_error",
}


def read_parameters(request: HttpRequest) -> dict[str, str]:
    """Read the parameters of a token request. Each may stand once, and none in the address; empty ones count as left out.

    Raises: InvalidRequestError, PayloadTooLargeError, UnsupportedMediaTypeError.
    """
    if request.META.get("QUERY_STRING"):
        raise _wrong("query", "Send parameters in the body, never in the address.")
    if not request.body:
        return {}
    found = _read_form(request) if request.content_type == FORM else _read_json(request)
    wrong = [name for name, value in found.items() if len(value) > MAX_VALUE_CHARS or "\x00" in value]
    if wrong:
        raise _wrong(wrong[0], "This is too long, or contains a NUL character.")
    return {name: value for name, value in found.items() if value}


def _read_form(request: HttpRequest) -> dict[str, str]:
    declared = str(request.META.get("CONTENT_LENGTH") or "0")
    if not declared.isdecimal() or int(declared) > MAX_BODY_BYTES:
        raise PayloadTooLargeError
    try:
        text = request.body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise _wrong("body", "This is not a form.") from error
    if len({name for name, _ in pairs}) < len(pairs):
        raise _wrong("body", "A parameter stands twice.")
    return dict(pairs)


def _read_json(request: HttpRequest) -> dict[str, str]:
    body = read_request_json(request)
    for name, value in body.items():
        if value is not None and not isinstance(value, str):
            raise _wrong(name, "This must be a text.")
    return {name: value or "" for name, value in body.items()}


def client_credentials(request: HttpRequest, parameters: Mapping[str, str]) -> ClientCredentials:
    """Take the client's credentials out of the one place they stand in (RFC 6749 §2.3.1).

    Raises: InvalidClientError without any; MultipleCredentialsError when they stand in two places.
    """
    header = str(request.META.get("HTTP_AUTHORIZATION", "")).strip()
    if sum(1 for name in KEY_HEADERS if request.META.get(name)) > 1 or (header and "client_secret" in parameters):
        raise MultipleCredentialsError(reason="several_credentials")
    if header:
        return _from_basic(header, parameters)
    if "client_id" not in parameters or "client_secret" not in parameters:
        raise InvalidClientError("Send the client id and secret, by HTTP Basic or in the body.", reason="client:none")
    return ClientCredentials(parameters["client_id"], parameters["client_secret"])


def _from_basic(header: str, parameters: Mapping[str, str]) -> ClientCredentials:
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8") if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClientError(reason="client:basic_form") from error
    client_id, colon, secret = text.partition(":")
    if not colon or parameters.get("client_id", client_id) != client_id:
        raise InvalidClientError(reason="client:basic_form")
    return ClientCredentials(unquote_plus(client_id), unquote_plus(secret))


def wanted_scopes(parameters: Mapping[str, str]) -> frozenset[Scope] | None:
    """The scopes a request asks for; None when it leaves them to us.

    Raises: InvalidScopeError for one that does not exist.
    """
    text = parameters.get("scope")
    if text is None:
        return None
    if not _SCOPE.fullmatch(text):
        raise InvalidScopeError(reason="scope_form")
    try:
        return frozenset(parse_scopes(text.split(" ")))
    except ValueError as error:
        raise InvalidScopeError(reason="scope_unknown") from error


def oauth_error(request: HttpRequest, error: StickerError) -> HttpResponse:
    """Answer with a refusal as RFC 6749 §5.2 has it, our own number and name beside it."""
    headers = {**error.headers, "Pragma": "no-cache"}
    if error.status == 401:
        headers["WWW-Authenticate"] = _BASIC
    body = {
        "error": error_name(error.slug),
        "error_description": _description(error),
        "code": error.code,
        "name": error.slug,
        "request_id": request_id(request),
        **error.extra,
    }
    return json_response(body, status=error.status, headers=headers)


def error_name(slug: str) -> str:
    """What OAuth calls a refusal of ours."""
    return _NAMES.get(slug, "invalid_request")


def _description(error: StickerError) -> str:
    """The message and what is wrong with each field, in the characters that the standard allows."""
    text = " ".join([error.text, *(f"{problem.field}: {problem.message}" for problem in error.details)])
    return mask(re.sub(r"[^\x20\x21\x23-\x5b\x5d-\x7e]", "'", text))


def _wrong(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(reason="parameter", details=[FieldProblem(field[:64], message)])
