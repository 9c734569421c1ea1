#!/usr/bin/env python3
"""Run a management command, with the local secrets and, where no DATABASE_URL is set, the embedded PostgreSQL."""

import os
import sys
from contextlib import ExitStack
from typing import Final

from sticker_auth.local import environment

_WITHOUT_DATABASE: Final = frozenset(
    {"", "-h", "--help", "--version", "check", "collectstatic", "diffsettings", "findstatic", "help", "spectacular", "version"}
) | {"webhook_listen", "webhook_sink"}


def main() -> None:
    """Join or start what the command needs, run it, and leave."""
    environment.load()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sticker_auth.settings")
    with ExitStack() as servers:
        if _needs_embedded_database(sys.argv[1] if len(sys.argv) > 1 else ""):
            _join(servers)
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


def _needs_embedded_database(command: str) -> bool:
    is_local = os.environ.get("STICKER_ENV") == "development" and not os.environ.get("DATABASE_URL")
    return is_local and command not in _WITHOUT_DATABASE


def _join(servers: ExitStack) -> None:
    from sticker_auth.local import postgres, running

    try:
        url = servers.enter_context(postgres.shared(environment.var_dir() / "pg"))
    except postgres.PostgresUnavailableError as error:
        sys.exit(str(error))
    os.environ["DATABASE_URL"] = url
    if broker := running.broker_url(environment.var_dir()):
        os.environ.setdefault("CELERY_BROKER_URL", broker)


if __name__ == "__main__":
    main()
