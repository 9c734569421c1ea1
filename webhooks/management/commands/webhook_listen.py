"""`webhook_listen`: events of a sandbox, forwarded to a receiver on this machine, signed as real deliveries are."""

import signal
import threading
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.commands import argument, comma_list
from webhooks.formats import SignatureFormat
from webhooks.management.local_files import read_or_make_secret, read_test_key
from webhooks.management.printing import harmless
from webhooks.relay import Feed, Forwarded, Receiver, Relay, RelayRefusedError, check_base_url, check_receiver

NOW: Final = "now"


class Command(BaseCommand):
    help = "Forward your sandbox's events to a receiver on this machine, until Ctrl-C. It goes on where it stopped."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forward-to", required=True, type=argument(check_receiver), metavar="URL")
        parser.add_argument("--base-url", required=True, type=argument(check_base_url), metavar="URL", help="the service")
        parser.add_argument("--api-key-file", required=True, type=Path, metavar="FILE", help="a test key with events:read")
        parser.add_argument(
            "--secret-file",
            type=Path,
            metavar="FILE",
            help="what to sign with; made where it is not there. Default KEYFILE.whsec",
        )
        parser.add_argument(
            "--cursor-file", type=Path, metavar="FILE", help="remembers how far it came. Default KEYFILE.cursor"
        )
        parser.add_argument("--format", default="standard", choices=[each.value for each in SignatureFormat])
        parser.add_argument("--types", default=[], type=comma_list, metavar="A,B", help="only these; * is allowed")
        parser.add_argument("--from-start", action="store_true", help="begin with the oldest event there is, not with the next")
        parser.add_argument("--attempts", default=3, type=argument(_attempts), help="on each event; default 3")

    def handle(self, *_args: Any, **options: Any) -> None:
        key_file: Path = options["api_key_file"]
        stop = _stopped_by_signals()
        feed = Feed(options["base_url"], read_test_key(key_file), options["types"])
        secret_file = options["secret_file"] or key_file.with_name(f"{key_file.name}.whsec")
        secret = read_or_make_secret(secret_file)
        receiver = Receiver(options["forward_to"], SignatureFormat(options["format"]), secret, options["attempts"])
        cursor_file = options["cursor_file"] or key_file.with_name(f"{key_file.name}.cursor")
        relay = Relay(feed, receiver, cursor_file, sleep=stop.wait, tell=self._tell, warn=self.stderr.write)
        self.stderr.write(f"Forwarding to {receiver.url}, signed with the secret in {secret_file} - Ctrl-C stops.")
        try:
            relay.run(begin="" if options["from_start"] else NOW)
        except RelayRefusedError as error:
            raise CommandError(harmless(str(error))) from error

    def _tell(self, done: Forwarded) -> None:
        outcome = f"{done.status} in {done.milliseconds} ms" if done.status else "not reached"
        self.stdout.write(harmless(f"{done.item.type}  {done.item.id}  attempt {done.attempt}  seq {done.seq}  -> {outcome}"))
        self.stdout.flush()


def _stopped_by_signals() -> threading.Event:
    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    return stop


def _attempts(text: str) -> int:
    attempts = int(text)
    if not 1 <= attempts <= 20:
        raise ValueError("choose 1 to 20 attempts")
    return attempts
