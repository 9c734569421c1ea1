"""Structured logs: one JSON object a line, pure ASCII, with everything credential-shaped masked after rendering.

Masking works on the finished line, so no caller can forget it; ASCII output escapes line breaks, terminal escapes and
bidirectional marks, so no caller can forge a line.
"""

import json
import logging
import re
from typing import Any, Final

import orjson
import structlog

_SECRETS: Final = re.compile(
    r"(?P<key>(?:sk|ak|cs)_(?:live|test)_[0-9A-Za-z_-]{4})[0-9A-Za-z_-]{8,}"
    r"|(?P<webhook>whsec_)[0-9A-Za-z+/=]{8,}"
    r"|(?P<jwt>eyJ)[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+"
    # Session tokens, handles of embed sessions, and either of them behind an escape that ends in hex digits (`%3d`).
    r"|[0-9a-f]{64,}"
)


_LONG_HEX: Final = re.compile(r"[0-9a-f]{64}")


def mask(text: str) -> str:
    """Blank every key, session token, handle, JWT and webhook secret in a text; a key keeps its prefix and four characters."""
    return _SECRETS.sub(_masked, text) if _may_hold_secret(text) else text


def _may_hold_secret(text: str) -> bool:
    """Rule out most lines at a quarter of the cost: each alternative of the pattern holds one of these."""
    if "_live_" in text or "_test_" in text or "whsec_" in text or "eyJ" in text:
        return True
    return _LONG_HEX.search(text) is not None


def _masked(match: re.Match[str]) -> str:
    return f"{match['key'] or match['webhook'] or match['jwt'] or ''}***"


def render(_logger: object, _method: str, event: dict[str, Any]) -> str:
    """The last step of every log line."""
    return mask(json.dumps(event, default=str))


_SHARED: Final[list[Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure(level: str) -> dict[str, Any]:
    """Set up structlog and return the LOGGING dictionary that sends the standard library's records the same way."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        "foreign_pre_chain": _SHARED,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter, "line": {"format": "%(message)s"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
            "requests": {"class": "logging.StreamHandler", "formatter": "line"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # The request line is rendered by core.middleware itself: it is written on every request.
            "sticker.requests": {"handlers": ["requests"], "level": "INFO", "propagate": False},
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
        },
    }


request_log: Final = logging.getLogger("sticker.requests")


def log_request(fields: dict[str, Any]) -> None:
    """Write one request's line. Rendered and recorded by hand: the full pipeline costs several times as much."""
    line = mask(_as_ascii_json(fields))
    request_log.handle(logging.LogRecord(request_log.name, logging.INFO, "", 0, line, None, None))


def _as_ascii_json(fields: dict[str, Any]) -> str:
    try:
        text = orjson.dumps(fields).decode("utf-8")
    except orjson.JSONEncodeError:  # half a surrogate pair
        text = ""
    return text if text and text.isascii() else json.dumps(fields, default=str)
