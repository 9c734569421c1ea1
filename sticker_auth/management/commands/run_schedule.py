"""Runs the scheduled tasks in this one process, where there is no broker for Celery."""

import signal
import threading
from types import FrameType
from typing import Any, Final

import structlog
from celery.beat import ScheduleEntry, Scheduler
from django.core.management.base import BaseCommand
from django.db import connections

from sticker_auth.celery import app

_LONGEST_WAIT_SECONDS: Final = 300.0
log = structlog.get_logger("sticker.schedule")


class InProcessScheduler(Scheduler):  # type: ignore[misc]  # celery has no types
    """Celery's own schedule, whose entries are run here and now instead of being sent."""

    producer = None  # nothing is connected to

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._said: set[str] = set()

    def apply_async(self, entry: ScheduleEntry, producer: None = None, advance: bool = True, **_options: Any) -> Any:
        """Run one entry's task to its end."""
        due = self.reserve(entry) if advance else entry
        result = self.app.tasks[due.task].apply(due.args, due.kwargs)
        if result.failed():
            log.error("schedule.task_failed", task=due.task, error=type(result.result).__name__)
        elif result.result or due.task not in self._said:
            # One that comes every few seconds is mentioned once, and then when it found something to do.
            self._said.add(due.task)
            log.info("schedule.task_done", task=due.task)
        connections.close_all()  # a database that was restarted meanwhile gets a new connection next time
        return result


class Command(BaseCommand):
    """Run the schedule until SIGTERM or SIGINT; tasks are safe to run early, late and twice."""

    help = "Run the scheduled tasks in this process: instead of a Celery worker and beat where there is no broker."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stop = threading.Event()

        def ask_to_stop(_signum: int, _frame: FrameType | None) -> None:
            stop.set()

        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, ask_to_stop)
        app.loader.import_default_modules()
        run_until(stop, scheduler=InProcessScheduler(app=app, max_interval=_LONGEST_WAIT_SECONDS))


def run_until(stop: threading.Event, *, scheduler: InProcessScheduler) -> None:
    """Run every entry once and then by its schedule, until the event is set; a task at work is finished first."""
    for entry in list(scheduler.schedule.values()):
        if stop.is_set():
            return
        scheduler.apply_entry(entry)
    while not stop.wait(max(0.0, scheduler.tick())):
        pass
