"""Every alarm that is set wakes a task that exists."""

from datetime import timedelta

from sticker_auth.celery import app
from sticker_auth.celery_settings import SCHEDULE


def test_every_scheduled_task_is_registered_under_its_name() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in SCHEDULE.values()} <= set(app.tasks)


def test_warnings_of_expiry_are_looked_for_at_least_once_a_day() -> None:
    (entry,) = (entry for entry in SCHEDULE.values() if entry["task"] == "partners.tasks.warn_of_expiry")
    assert entry["schedule"] <= timedelta(days=1)
