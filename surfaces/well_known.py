"""What a machine finds at `/.well-known/`: the public keys of our assertions, and where and how tokens are had and checked."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from core.responses import json_response
from partners.scopes import Scope
from surfaces.gateway.assertion import KEY_SET_SECONDS, key_set
from surfaces.token_views import CLIENT_CREDENTIALS, REFRESH_TOKEN, TOKEN_EXCHANGE

_CACHED: Final = {"Cache-Control": f"public, max-age={KEY_SET_SECONDS}"}


@csrf_exempt  # nothing to protect: another method than GET and HEAD is a 405
@require_safe
def jwks(_request: HttpRequest) -> HttpResponse:
    """The keys that verify `X-Auth-Assertion`, public halves alone (RFC 7517)."""
    response = json_response(key_set(), headers=_CACHED)
    response.headers["Content-Type"] = "application/jwk-set+json"
    return response


@csrf_exempt
@require_safe
def authorization_server(_request: HttpRequest) -> HttpResponse:
    """What an OAuth client needs to know of us (RFC 8414).

    There are two token endpoints, one a surface; the standard has room for one, which is the resellers'.
    """
    base = settings.PUBLIC_BASE_URL
    metadata = {
        "issuer": base,
        "token_endpoint": f"{base}/v1/reseller/token",
        "storefront_token_endpoint": f"{base}/v1/storefront/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": [CLIENT_CREDENTIALS, TOKEN_EXCHANGE, REFRESH_TOKEN],
        # There is no authorization endpoint; the standard wants the member nevertheless.
        "response_types_supported": ["none"],
        "scopes_supported": [scope.value for scope in Scope],
        "introspection_endpoint": f"{base}/v1/introspect",
        "introspection_endpoint_auth_methods_supported": ["Bearer"],
        "revocation_endpoint": f"{base}/v1/revoke",
        "revocation_endpoint_auth_methods_supported": ["Bearer"],
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "service_documentation": f"{base}/docs/",
    }
    return json_response(metadata, headers=_CACHED)


@csrf_exempt
@require_safe
def protected_resource(_request: HttpRequest) -> HttpResponse:
    """What a client needs to know to call us (RFC 9728)."""
    base = settings.PUBLIC_BASE_URL
    metadata = {
        "resource": base,
        "resource_name": "Sticker Auth",
        "authorization_servers": [base],
        "scopes_supported": [scope.value for scope in Scope],
        "bearer_methods_supported": ["header"],
        "resource_documentation": f"{base}/docs/",
    }
    return json_response(metadata, headers=_CACHED)
