"""`webhook_sink`: a receiver on this machine that verifies deliveries and prints them."""

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.commands import BadArgumentsError, argument, as_json
from webhooks.formats import SignatureFormat
from webhooks.management.local_files import read_secrets
from webhooks.management.printing import lines_of
from webhooks.sink import Received, Sink, SinkPlan


class Command(BaseCommand):
    help = "Receive webhooks on this machine, verify them and print them, until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=argument(_port), default=0, help="where to listen on 127.0.0.1; default any free port"
        )
        parser.add_argument("--secret-file", type=Path, metavar="FILE", help="the endpoint's secret, or several, one a line")
        parser.add_argument("--format", default="standard", choices=[each.value for each in SignatureFormat])
        parser.add_argument("--status", type=argument(_status), default=200, help="what to answer to verified deliveries")
        parser.add_argument("--delay", type=argument(_delay), default=0.0, metavar="SECONDS", help="wait before each answer")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object for each delivery")

    def handle(self, *_args: Any, **options: Any) -> None:
        plan = SinkPlan(
            port=options["port"],
            signature_format=SignatureFormat(options["format"]),
            secrets=read_secrets(options["secret_file"]) if options["secret_file"] else (),
            status=options["status"],
            delay_seconds=options["delay"],
        )
        serve(self._open(plan, is_json=options["as_json"]), announce=self.stderr.write)

    def _open(self, plan: SinkPlan, *, is_json: bool) -> Sink:
        def tell(received: Received) -> None:
            self.stdout.write(as_json(received.facts()) if is_json else "\n".join(lines_of(received)))
            self.stdout.flush()

        try:
            return Sink(plan, tell=tell)
        except OSError as error:
            raise BadArgumentsError(f"Port {plan.port} cannot be listened on: {error.strerror}.") from error


def serve(sink: Sink, *, announce: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM; a delivery that is being answered ends early."""

    def stop(_signum: int, _frame: object) -> None:
        sink.stopping.set()
        # From another thread: shutdown waits for the loop that this very frame interrupts.
        threading.Thread(target=sink.shutdown).start()

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, stop)
    announce(f"Listening on {sink.url} - Ctrl-C stops.")
    sys.stderr.flush()
    with sink:
        sink.serve_forever(poll_interval=0.1)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError("choose a port from 0 to 65535")
    return port


def _status(text: str) -> int:
    status = int(text)
    if not 200 <= status <= 599:
        raise ValueError("choose a status from 200 to 599")
    return status


def _delay(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise ValueError("choose 0 to 3600 seconds")
    return seconds
