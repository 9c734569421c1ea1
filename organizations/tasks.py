"""The alarm clock of the organizations app."""

from typing import Any, Final

from celery import shared_task
from django.conf import settings

from core.principals import SYSTEM
from organizations.services.sync_notices import send_notices
from organizations.services.sync_pass import sync_due

# A run that begins at the last moment still ends well before the limits below.
PASS_SECONDS: Final = 8.0


@shared_task(name="organizations.tasks.sync_organizations", time_limit=110, soft_time_limit=100)
def sync_organizations(**_later: Any) -> int:
    """Sync the organizations that are due, for some seconds at most; tell how many runs there were."""
    return sync_due(threads=settings.SYNC_THREADS, seconds=PASS_SECONDS, actor=SYSTEM).total()


@shared_task(name="organizations.tasks.send_sync_notices", time_limit=110, soft_time_limit=100)
def send_sync_notices(**_later: Any) -> int:
    """Tell partners of organizations that need them; tell how many mails went out."""
    return send_notices(actor=SYSTEM)
