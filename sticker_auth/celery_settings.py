"""Celery's own settings and the schedule: every entry is safe to run late, twice or not at all for a while."""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings

SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "purge expired data": {"task": "sessions_app.tasks.purge_expired", "schedule": timedelta(minutes=5)},
    "seal the ledger": {"task": "audit.tasks.seal", "schedule": timedelta(minutes=1)},
    "warn of expiring keys": {"task": "partners.tasks.warn_of_expiry", "schedule": timedelta(hours=1)},
    # Expires unless it is begun at once: the next one is as good.
    "send webhooks": {"task": "webhooks.tasks.pump", "schedule": timedelta(seconds=2), "options": {"expires": 5}},
    "purge webhooks": {"task": "webhooks.tasks.purge", "schedule": timedelta(hours=1)},
    "watch webhooks": {"task": "webhooks.tasks.watch", "schedule": timedelta(minutes=1)},
    "sync organizations": {
        "task": "organizations.tasks.sync_organizations",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 20},
    },
    "tell of failing syncs": {"task": "organizations.tasks.send_sync_notices", "schedule": timedelta(minutes=1)},
    "renew key sets": {"task": "surfaces.tasks.renew_key_sets", "schedule": timedelta(seconds=30)},
    "purge used token ids": {"task": "surfaces.tasks.purge_used_ids", "schedule": timedelta(minutes=10)},
}

broker_url = settings.CELERY_BROKER_URL or None
broker_connection_retry_on_startup = True
broker_transport_options = {"visibility_timeout": 120} if "redis" in settings.CELERY_BROKER_URL else {}
task_default_queue_type = "quorum" if settings.CELERY_BROKER_URL.startswith("amqp") else "classic"
task_ignore_result = True
task_acks_late = True
task_serializer = "json"
accept_content = ["json"]
task_time_limit = 110
task_soft_time_limit = 100
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_soft_shutdown_timeout = 2.0
worker_cancel_long_running_tasks_on_connection_loss = True
timezone = "UTC"
beat_schedule = SCHEDULE
