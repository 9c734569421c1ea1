"""What the main web process says to a gateway check: nothing. It cannot see what the check has to look at."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from core.errors import ServiceUnavailableError
from core.responses import error_response


@csrf_exempt  # never lets anything through
def elsewhere(request: HttpRequest, **_kwargs: object) -> HttpResponse:
    """Answer 503 to every method: the check has its own listener (`sticker_auth.gateway`), which sees raw paths and headers."""
    return error_response(request, ServiceUnavailableError(reason="gateway_elsewhere"))
