"""The toolkit's endpoints, and the organizations it guards."""

import json
from collections.abc import Callable

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from oauth2_provider.decorators import protected_resource

DOCUMENTS: dict[str, object] = {}


class SignedIn:
    """Everybody is signed in already."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.endswith("/authorize/"):
            request.user = User.objects.get(username="ada")
        return self.get_response(request)


@protected_resource(scopes=["org.read"])  # type: ignore[untyped-decorator]  # the toolkit has no types
def organization(_request: HttpRequest, name: str) -> HttpResponse:
    """Show an organization."""
    found = DOCUMENTS.get(name)
    return JsonResponse(found, status=200 if found is not None else 404)


def served(request: HttpRequest, name: str) -> HttpResponse:
    """Let the tests say what an organization is; show it to whoever brings a token."""
    if request.method != "PUT":
        answer: HttpResponse = organization(request, name)
        # The toolkit answers 403 to a token that is not accepted.
        answer.status_code = 401 if answer.status_code == 403 else answer.status_code
        return answer
    DOCUMENTS[name] = json.loads(request.body)
    return HttpResponse()


urlpatterns = [path("o/", include("oauth2_provider.urls")), path("organizations/<path:name>", served)]
