"""Make what the receivers get: `python -m bench.seed_webhooks COMMAND ...`, with the service's environment.

`endpoints PORT,PORT,...` migrates and makes an open endpoint for each, of a partner of its own, and prints their ids.
`queue COUNT DELAY` makes deliveries, forgetting all others; their receivers answer after DELAY milliseconds.
`backlog COUNT` makes so many deliveries for the first endpoint, whose receiver never answers, beside what there is.
`publish COUNT` commits events one at a time at odd moments and prints when each was committed, by the monotonic clock.
"""

import random
import sys
import time
from collections.abc import Sequence
from typing import Final

import django

django.setup()

from django.core.management import call_command  # noqa: E402  # models need the setup
from django.db.models.functions import Now  # noqa: E402

from bench import seeds  # noqa: E402
from core.principals import SYSTEM, Environment  # noqa: E402
from partners.services.partners import create_partner  # noqa: E402
from webhooks.models import Endpoint, Message  # noqa: E402
from webhooks.services.endpoints import create_endpoint  # noqa: E402
from webhooks.services.fanout import new_message_id  # noqa: E402
from webhooks.specs import EndpointSpec  # noqa: E402

_BODY: Final = b'{"type":"order.shipped","data":{"text":"' + b"x" * 900 + b'"}}'
_FORGET: Final = "TRUNCATE webhooks_delivery, webhooks_attempt, webhooks_messagebody, webhooks_message RESTART IDENTITY CASCADE"
_QUEUE: Final = """
WITH numbered AS (
  SELECT id, partner_id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS many
  FROM webhooks_endpoint WHERE url {which} '%%/never'
), made AS (
  INSERT INTO webhooks_message (message_id, partner_id, environment, type, version, source, data, partner_org_id, feed_xid)
  SELECT %(prefix)s || n, e.partner_id, 'test', 'order.shipped', 1, 'commerce', '{{}}', '', NULL
  FROM generate_series(1, %(count)s) AS n JOIN numbered e ON e.place = n %% e.many RETURNING id, partner_id
), bodies AS (
  INSERT INTO webhooks_messagebody (message_id, style, body) SELECT id, 'standard', %(body)s FROM made
)
INSERT INTO webhooks_delivery (message_id, endpoint_id, partner_id, environment, seq, state)
SELECT m.id, e.id, m.partner_id, 'test', 1000000 + m.id, 'pending' FROM made m JOIN numbered e USING (partner_id) ORDER BY m.id
"""


def endpoints(ports: str) -> None:
    """Migrate and make the endpoints."""
    call_command("migrate", verbosity=0)
    for number, port in enumerate(ports.split(",")):
        partner = create_partner(f"Partner {number}", actor=SYSTEM)
        spec = EndpointSpec(f"https://127.0.0.1:{port}/0", max_concurrency=20, event_types=("order.*",))
        create_endpoint(partner.pk, environment=Environment.TEST, spec=spec, actor=SYSTEM)
    Endpoint.objects.update(verified_at=Now())
    seeds.execute(_FORGET)
    seeds.hand_over({"endpoints": Endpoint.objects.count()})


def queue(count: str, delay: str) -> None:
    """Make deliveries that are due."""
    seeds.execute(_FORGET)
    seeds.execute("UPDATE webhooks_endpoint SET url = regexp_replace(url, '[^/]*$', %s), cap = NULL", [delay])
    seeds.execute(_QUEUE.format(which="NOT LIKE"), {"prefix": "msg_", "count": int(count), "body": _BODY})
    _settle()


def backlog(count: str) -> None:
    """Make a backlog for a receiver that never answers."""
    dead = Endpoint.objects.order_by("pk")[0]
    seeds.execute("UPDATE webhooks_endpoint SET url = regexp_replace(url, '[^/]*$', 'never') WHERE id = %s", [dead.pk])
    seeds.execute(_QUEUE.format(which="LIKE"), {"prefix": "msg_late", "count": int(count), "body": _BODY})
    _settle()


def publish(count: str) -> None:
    """Commit events one at a time, in no rhythm that a poll could fall into."""
    receiving = list(Endpoint.objects.exclude(url__endswith="/never"))
    committed: dict[str, float] = {}
    for _ in range(int(count)):
        endpoint, message_id = random.choice(receiving), new_message_id()
        Message.objects.create(
            message_id=message_id,
            partner_id=endpoint.partner_id,
            environment=endpoint.environment,
            type="order.shipped",
            source="commerce",
            data=b'{"id":1}',
        )
        committed[message_id] = time.monotonic()
        time.sleep(random.uniform(0.01, 0.1))
    seeds.hand_over(committed)


def _settle() -> None:
    for table in ("webhooks_delivery", "webhooks_message", "webhooks_messagebody", "webhooks_attempt"):
        seeds.execute(f"VACUUM (ANALYZE) {table}")
    seeds.execute("CHECKPOINT")
    seeds.hand_over({})


def main(arguments: Sequence[str]) -> None:
    """Do one thing."""
    command, *rest = arguments
    {"endpoints": endpoints, "queue": queue, "backlog": backlog, "publish": publish}[command](*rest)


if __name__ == "__main__":
    main(sys.argv[1:])
