"""What our secrets look like, for scanners: patterns, the checksum that tells a real one from a look-alike, where to report."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from core import base62
from core.credentials import CHECKSUM_CHARS, KEY_PATTERN, checksum
from core.responses import json_response
from core.strict_json import JsonObject
from surfaces.client_secrets import CLIENT_SECRET_PATTERN

CACHE_SECONDS: Final = 86_400
_VECTORS: Final = ("", "sticker", "The quick brown fox jumps over the lazy dog")


@csrf_exempt  # nothing to protect: another method than GET and HEAD is a 405
@require_safe
def secret_format(_request: HttpRequest) -> HttpResponse:
    """The document at `/.well-known/secret-format.json`."""
    return json_response(document(), headers={"Cache-Control": f"public, max-age={CACHE_SECONDS}"})


def document() -> JsonObject:
    """What the document says."""
    base = settings.PUBLIC_BASE_URL
    return {
        "issuer": base,
        "formats": [
            _format("api-key", "An API key of a partner", KEY_PATTERN, ["sk_live_", "sk_test_", "ak_live_", "ak_test_"], 58),
            _format("client-secret", "A secret of a client", CLIENT_SECRET_PATTERN, ["cs_live_", "cs_test_"], 57),
        ],
        "checksum": {
            "algorithm": "CRC-32 (ISO-HDLC, as in zlib and PNG)",
            "input": f"all characters before the last {CHECKSUM_CHARS}, as ASCII",
            "output": f"the last {CHECKSUM_CHARS} characters: the number in base 62, highest digit first, padded with 0",
            "alphabet": base62.ALPHABET,
            "test_vectors": [{"input": text, "output": checksum(text)} for text in _VECTORS],
        },
        "report": {
            "url": f"{base}/v1/leaks/report",
            "method": "POST",
            "body": {"credential": "the whole secret", "url": "where it was found (optional)", "comment": "(optional)"},
            "status": 202,
        },
    }


def _format(name: str, meaning: str, pattern: str, keywords: list[str], length: int) -> JsonObject:
    return {"name": name, "meaning": meaning, "pattern": pattern, "keywords": keywords, "length": length}
