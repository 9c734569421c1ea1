"""The purge's alarm clock."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from sessions_app.services.purge import purge


@shared_task(name="sessions_app.tasks.purge_expired", time_limit=110, soft_time_limit=100)
def purge_expired(**_later: Any) -> int:
    """Remove what has expired; tell how many rows."""
    return sum(progress.rows for progress in purge(now=timezone.now()))
