"""The alarm clock of the partners app."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from core.principals import SYSTEM
from partners.services.expiry import warn_expiring_keys


@shared_task(name="partners.tasks.warn_of_expiry", time_limit=110, soft_time_limit=100)
def warn_of_expiry(**_later: Any) -> int:
    """Warn of keys that expire within 30, 7 and 1 days; tell how many."""
    return warn_expiring_keys(now=timezone.now(), actor=SYSTEM)
