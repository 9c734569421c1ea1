"""Celery: an alarm clock over work whose state stands in PostgreSQL; losing the broker delays it and loses nothing."""

import os
from typing import Final

from celery import Celery

from sticker_auth.local.environment import load

load()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sticker_auth.settings")

app: Final = Celery("sticker_auth")
app.config_from_object("sticker_auth.celery_settings")
app.autodiscover_tasks()
