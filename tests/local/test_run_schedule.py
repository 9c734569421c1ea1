"""The schedule without a broker: the same entries, run one after the other in one process."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from celery import Celery

from sticker_auth.local.run import commands_of
from sticker_auth.management.commands.run_schedule import InProcessScheduler, run_until
from tests.servers import Process, StartService


def scheduler_of(*tasks: Callable[[], None], every: timedelta) -> InProcessScheduler:
    """Make a schedule of these functions, in an application of its own."""
    app = Celery("schedule-test", set_as_current=False)
    for task in tasks:
        app.task(name=task.__name__)(task)
    app.conf.beat_schedule = {task.__name__: {"task": task.__name__, "schedule": every} for task in tasks}
    return InProcessScheduler(app=app)


def test_every_task_runs_at_once_and_then_by_its_schedule() -> None:
    stop, runs = threading.Event(), []

    def count() -> None:
        runs.append(1)
        if len(runs) == 3:
            stop.set()

    run_until(stop, scheduler=scheduler_of(count, every=timedelta(milliseconds=20)))
    assert len(runs) == 3


def test_task_that_fails_does_not_end_the_schedule() -> None:
    stop, runs = threading.Event(), []

    def fail() -> None:
        runs.append(1)
        if len(runs) == 2:
            stop.set()
        raise ValueError("as it happens")

    run_until(stop, scheduler=scheduler_of(fail, every=timedelta(milliseconds=20)))
    assert len(runs) == 2


def test_request_to_stop_is_heeded_between_tasks() -> None:
    stop, runs = threading.Event(), []

    def one() -> None:
        runs.append("one")
        stop.set()

    def other() -> None:
        runs.append("other")
        stop.set()

    run_until(stop, scheduler=scheduler_of(one, other, every=timedelta(hours=1)))
    assert len(runs) == 1


def test_command_runs_the_services_tasks_and_ends_on_request(live_service: StartService) -> None:
    service = live_service()
    command = [sys.executable, "manage.py", "run_schedule"]
    process = Process(command, env=service.env, log=service.log.with_name("schedule.log"))
    process.await_line("sessions_app.tasks.purge_expired")
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait() == 0


def test_launcher_uses_it_where_there_is_no_broker(tmp_path: Path) -> None:
    commands = commands_of(tmp_path, has_broker=False, is_first=True)
    assert set(commands) == {"timer", "pump", "demo", "ready"}
    assert "run_schedule" in commands["timer"]
