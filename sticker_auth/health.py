"""What a load balancer and a scraper ask: is the process alive, and can it do its work."""

from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from core.responses import json_response

_ready_plan: list[bool] = []


@csrf_exempt  # nothing to protect: another method than GET and HEAD is a 405
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers at all."""
    return json_response({"status": "ok"})


@csrf_exempt
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 when the database answers and every migration is applied, else 503 with the part that fails."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        is_migrated = _is_migrated()
    except DatabaseError:
        connection.close()
        return json_response({"status": "unavailable", "failing": ["database"]}, status=503, headers={"Retry-After": "2"})
    if not is_migrated:
        return json_response({"status": "unavailable", "failing": ["migrations"]}, status=503, headers={"Retry-After": "5"})
    return json_response({"status": "ready"})


def _is_migrated() -> bool:
    if not _ready_plan:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _ready_plan.append(True)
    return True
