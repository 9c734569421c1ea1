"""Django's request handler, with the addresses of API calls looked up instead of searched for."""

from typing import Any, Final

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import ResolverMatch

from core.middleware import is_api


class Handler(WSGIHandler):
    """Remembers what an address without parameters led to: there are only as many of these as there are routes.

    Django tries the patterns one after the other on every request, which costs the more the more of them there are.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._known: Final[dict[str, ResolverMatch]] = {}

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        path = request.path_info
        match = self._known.get(path)
        if match is None:
            match = super().resolve_request(request)
            if is_api(path) and not match.kwargs and not match.args:
                self._known[path] = match
        request.resolver_match = match
        return match
