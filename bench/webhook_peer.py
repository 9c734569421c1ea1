"""The usual way: one Celery task for each delivery, which reads its row, signs, posts with requests, and writes what came.

The tables, the signature and the log are ours; the worker's pool is threads, which is the faster one for calls that wait.
"""

import base64
import hashlib
import hmac
import os
import threading
import time
from typing import Any, Final

import psycopg
import requests
from celery import Celery

WORKER: Final = (
    "worker",
    "--pool",
    "threads",
    "--concurrency",
    "32",
    "--without-gossip",
    "--without-mingle",
    "--loglevel",
    "ERROR",
)
_TIMEOUT_SECONDS: Final = 15

app: Final = Celery("bench.webhook_peer", broker=os.environ.get("CELERY_BROKER_URL"))
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)

_READ: Final = """
SELECT m.message_id, b.body, e.url, e.id FROM webhooks_delivery d JOIN webhooks_message m ON m.id = d.message_id
JOIN webhooks_messagebody b ON b.message_id = m.id JOIN webhooks_endpoint e ON e.id = d.endpoint_id WHERE d.id = %s
"""
_WRITE: Final = """
WITH log AS (
  INSERT INTO webhooks_attempt (delivery_id, endpoint_id, number, started_at, total_ms, status, reason, response_text)
  VALUES (%(id)s, %(endpoint)s, 1, to_timestamp(%(started)s), %(ms)s, %(status)s, 'delivered', %(text)s)
)
UPDATE webhooks_delivery SET state = 'delivered', finished_at = clock_timestamp(), attempts = 1, last_status = %(status)s
WHERE id = %(id)s
"""
_local: Final = threading.local()


@app.task(name="deliver")  # type: ignore[misc]  # Celery has no types
def deliver(delivery_id: int) -> None:
    """Make one delivery."""
    connection = _connection()
    message_id, body, url, endpoint_id = connection.execute(_READ, [delivery_id]).fetchone()  # type: ignore[misc]
    began, timestamp = time.time(), int(time.time())
    digest = hmac.new(b"0" * 32, f"{message_id}.{timestamp}.".encode() + bytes(body), hashlib.sha256).digest()
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "content-type": "application/json",
    }
    answer = requests.post(url, data=bytes(body), headers=headers, timeout=_TIMEOUT_SECONDS, verify=os.environ["SSL_CERT_FILE"])
    answer.raise_for_status()
    row: dict[str, Any] = {"id": delivery_id, "endpoint": endpoint_id, "started": began, "status": answer.status_code}
    connection.execute(_WRITE, {**row, "ms": int((time.time() - began) * 1000), "text": answer.text[:4096]})


def _connection() -> "psycopg.Connection[Any]":
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    connection: psycopg.Connection[Any] = _local.connection
    return connection
