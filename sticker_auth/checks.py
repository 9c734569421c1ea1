"""System checks of our own: a view that names no scope, a setting that is unsafe in production."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.urls import URLPattern, URLResolver, get_resolver

from core.api import ApiView


@register(Tags.urls)
def every_endpoint_states_its_scopes(**_kwargs: Any) -> list[CheckMessage]:
    """Refuse to start with a key-authenticated endpoint that serves a method without naming its scope."""
    found: list[CheckMessage] = []
    for view in _api_views(get_resolver().url_patterns):
        if not view.permission_classes:
            continue
        served = {name.upper() for name in view.http_method_names if hasattr(view, name)} - {"HEAD", "OPTIONS"}
        missing = served - set(view.required_scopes)
        if missing:
            hint = f"Add {sorted(missing)} to {view.__name__}.required_scopes."
            found.append(Error("An endpoint does not state its scope.", hint=hint, id="sticker.E001"))
    return found


def _api_views(patterns: list[URLPattern | URLResolver]) -> Iterator[type[ApiView]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _api_views(pattern.url_patterns)
            continue
        view = getattr(pattern.callback, "view_class", None)
        if isinstance(view, type) and issubclass(view, ApiView):
            yield view


@register(Tags.security, deploy=True)
def production_has_its_parts(**_kwargs: Any) -> list[CheckMessage]:
    """Warn of what a production deployment lacks."""
    found: list[CheckMessage] = []
    if not settings.CELERY_BROKER_URL:
        hint = "Set CELERY_BROKER_URL, or run 'manage.py run_schedule' instead of worker and beat."
        found.append(Warning("No broker is configured.", hint=hint, id="sticker.W001"))
    if settings.PUBLIC_BASE_URL == settings.EMBED_BASE_URL and settings.IS_PRODUCTION:
        hint = "Serve the iframe from a host name of its own, so that its cookies and scripts never meet the admin's."
        found.append(Warning("The iframe shares its host with the admin.", hint=hint, id="sticker.W002"))
    return found
