"""Partners with open endpoints, events for them, pumps as processes, and what the database says of it all."""

import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import psycopg
from django.db import connection, transaction
from django.db.models.functions import Now

from core.egress.door import DoorLimits
from core.principals import SYSTEM, Environment
from partners.models import Partner
from tests.databases import FreshDatabase
from tests.factories import make_partner
from tests.loops import finish
from tests.servers import Process, bare_environment
from webhooks.canonical import render_body
from webhooks.formats import SignatureFormat
from webhooks.models import Delivery, DeliveryState, Endpoint, FeedCursor, Message, MessageBody
from webhooks.pump.claim import Job, claim_jobs
from webhooks.pump.config import PumpConfig
from webhooks.pump.links import Link
from webhooks.services.endpoints import create_endpoint
from webhooks.services.fanout import new_message_id
from webhooks.specs import EndpointSpec

# A pump of a test gives up soon and is soon taken for dead.
BRISK: Final = {
    "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
    "PUBLIC_BASE_URL": "https://auth.sticker.example",
    "WEBHOOK_ATTEMPT_SECONDS": "2",
    "WEBHOOK_LEASE_SECONDS": "4",
    "WEBHOOK_FIRST_RETRY_SECONDS": "0.2",
    "DATABASE_CONNECT_TIMEOUT_SECONDS": "1",
}
_PATIENCE_SECONDS: Final = 60.0
T = TypeVar("T")


CONFIG: Final = PumpConfig(
    sockets=100,
    limits=DoorLimits(),
    lease_seconds=30,
    first_retry_seconds=60,
    keeps_connections=True,
    nameservers=(),
)


def linked(use: Callable[[Link], Coroutine[Any, Any, T]]) -> T:
    """Do something with a connection as the pump has it."""

    async def run() -> T:
        link = Link()
        try:
            return await use(link)
        finally:
            await link.close()

    return finish(run())


def claim(config: PumpConfig = CONFIG, *, free: int | None = None) -> list[Job]:
    """Take what is due, as a pump with so many free sockets does."""
    return linked(lambda link: claim_jobs(link, config=config, free=config.sockets if free is None else free))


def open_endpoint(url: str, *, partner: Partner | None = None, **fields: Any) -> Endpoint:
    """An endpoint for orders that has proved itself, of a partner of its own unless one is named."""
    owner = partner or make_partner()
    spec = EndpointSpec(url, **{"event_types": ("order.*",), **fields})
    endpoint = create_endpoint(owner.pk, environment=Environment.TEST, spec=spec, actor=SYSTEM).endpoint
    endpoint.deliveries.update(state=DeliveryState.CANCELLED, finished_at=Now(), settled_at=Now())
    Endpoint.objects.filter(pk=endpoint.pk).update(verified_at=Now())
    endpoint.refresh_from_db()
    return endpoint


def publish(endpoint: Endpoint, count: int = 1, *, type_: str = "order.shipped", text: str = "x") -> list[str]:
    """Commit events for an endpoint's partner, as publishing does; their ids."""
    ids = [new_message_id() for _ in range(count)]
    with transaction.atomic():
        Message.objects.bulk_create(
            Message(
                message_id=message_id,
                partner_id=endpoint.partner_id,
                environment=endpoint.environment,
                type=type_,
                source="commerce",
                data=f'{{"id":"{message_id}","text":"{text}"}}'.encode(),
            )
            for message_id in ids
        )
    return ids


def queue(endpoint: Endpoint, count: int = 1) -> list[int]:
    """Make deliveries for an endpoint, as the fan-out of that many events does; their ids in order. Not beside a pump."""
    style = SignatureFormat(endpoint.signature_format)
    with transaction.atomic():
        ids = publish(endpoint, count)
        messages = Message.objects.filter(message_id__in=ids).order_by("pk")
        row = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        made = [_delivery(message, row, row.last_seq + step) for step, message in enumerate(messages, start=1)]
        MessageBody.objects.bulk_create(_body(message, style) for message in messages)
        Delivery.objects.bulk_create(made)
        Endpoint.objects.filter(pk=row.pk).update(last_seq=row.last_seq + count)
        # The fan-out has been here: it makes none of these again.
        FeedCursor.objects.filter(pk="messages").update(xid=max(int(each.feed_xid or 0) for each in messages), row_id=2**62)
    return [delivery.pk for delivery in made]


def _delivery(message: Message, endpoint: Endpoint, seq: int) -> Delivery:
    return Delivery(
        message=message,
        endpoint=endpoint,
        partner_id=message.partner_id,
        environment=message.environment,
        seq=seq,
        state=DeliveryState.PENDING,
    )


def _body(message: Message, style: SignatureFormat) -> MessageBody:
    body = render_body(bytes(message.data), event_type=message.type, occurred_at=message.occurred_at, style=style)
    return MessageBody(message=message, style=style.value, body=body)


def queue_many(endpoint: Endpoint, count: int) -> None:
    """Make a backlog without going through every event."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH m AS (INSERT INTO webhooks_message (message_id, partner_id, environment, type, version, source, data,"
            "  partner_org_id, feed_xid)"
            "  SELECT 'msg_many' || n, %(partner)s, 'test', 'order.shipped', 1, 'commerce', '{}', '', NULL"
            "  FROM generate_series(1, %(count)s) AS n RETURNING id),"
            " b AS (INSERT INTO webhooks_messagebody (message_id, style, body)"
            '  SELECT id, \'standard\', \'{"type":"order.shipped","data":{}}\' FROM m)'
            " INSERT INTO webhooks_delivery (message_id, endpoint_id, partner_id, environment, seq, state)"
            " SELECT id, %(endpoint)s, %(partner)s, 'test', 1000 + row_number() OVER (ORDER BY id), 'pending' FROM m",
            {"partner": endpoint.partner_id, "endpoint": endpoint.pk, "count": count},
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_delivery")


def states(endpoint: Endpoint | None = None) -> dict[str, int]:
    """How many deliveries are in each state; pings left out."""
    found = Delivery.objects.filter(is_probe=False)
    if endpoint is not None:
        found = found.filter(endpoint=endpoint)
    counted: dict[str, int] = {}
    for state in found.values_list("state", flat=True):
        counted[state] = counted.get(state, 0) + 1
    return counted


def await_truth(is_true: Callable[[], bool], *, seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until the database says so."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"still not so: {states()}"
        time.sleep(0.02)


def await_state(delivery_id: int, state: DeliveryState) -> Delivery:
    """Wait until a delivery is in a state."""
    await_truth(lambda: Delivery.objects.get(pk=delivery_id).state == state)
    return Delivery.objects.get(pk=delivery_id)


class PumpProcess:
    """`manage.py pump_webhooks` on a database."""

    def __init__(self, database_url: str, folder: Path, *, env: Mapping[str, str] | None = None, options: tuple[str, ...] = ()):
        self.env = {**bare_environment(), **BRISK, "DATABASE_URL": database_url, "VAR_DIR": str(folder), **(env or {})}
        log = folder / f"pump-{time.monotonic_ns()}.log"
        command = [sys.executable, "manage.py", "pump_webhooks", *options]
        self.process = Process(command, env=self.env, log=log)
        self.process.await_line("pump.started")

    @property
    def log(self) -> str:
        """What it has said."""
        return self.process.log.read_text()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()

    def stop(self) -> int:
        """End it as an operator would; its exit status."""
        os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait()

    def freeze(self) -> None:
        """Take the processor from it."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Give the processor back."""
        os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def pump(database: FreshDatabase | str, folder: Path, **options: Any) -> Iterator[PumpProcess]:
    """Run a pump for the time of a block."""
    started = PumpProcess(database if isinstance(database, str) else database.url, folder, **options)
    try:
        yield started
    finally:
        started.kill()


@contextmanager
def locked(database_url: str, table: str, *, mode: Literal["SHARE", "ACCESS EXCLUSIVE"]) -> Iterator[None]:
    """Let nobody else write a table, or touch it at all, for the time of a block: whoever wants to waits there."""
    with psycopg.connect(database_url) as holder:
        holder.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield
        holder.rollback()


def waits_for(database_url: str, table: str) -> bool:
    """Whether somebody waits for a locked table."""
    with psycopg.connect(database_url, autocommit=True) as asking:
        row = asking.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [table]).fetchone()
    return bool(row and row[0])


def endpoint_row(endpoint_id: UUID) -> Endpoint:
    """An endpoint as it stands."""
    return Endpoint.objects.get(pk=endpoint_id)
