"""The floor of «visible»: plain RQ, one job per event, a forking worker; the same work and API.

`serve()` is the web application (verify, store, enqueue, answer), `work` the job, and
`python -m tests.bench.floor_visible` the worker, with everything imported before it forks.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache

from flask import Flask, request
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from connectors.standard_webhook.emulator import SECRET
from hub import settings as hub_settings
from hub.app import create_app
from hub.flow.drain import drain
from hub.sdk.request import RawRequest
from hub.store.database import utc_now
from hub.store.inbox_rows import NewEvent, store_events
from hub.store.store import Store

QUEUE = "floor"


@cache
def opened() -> Store:
    """The store of this process; it connects at its first question."""
    store = Store.open(hub_settings.load())
    object.__setattr__(store.settings, "file", {"events": {"batch_size": 1}})
    return store


def work(connection_id: int) -> None:
    """One event in one transaction."""
    drain(opened(), connection_id, 1e-9)


def _queue() -> Queue:
    redis = Redis.from_url(opened().settings.queue_url)
    return Queue(QUEUE, connection=redis, serializer=JSONSerializer)


def serve() -> Flask:
    """gunicorn's entry: the hub's API, and a way in of the plain kind."""
    app, queue = create_app(store=opened()), _queue()

    @app.post("/plain/<name>")
    def accept(name: str) -> tuple[str, int]:
        body = request.get_data()
        digest = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
        if not hmac.compare_digest(request.headers.get("X-Signature", "")[7:], digest):
            return "no", 401
        key = opened().catalog.require(name).id
        raw = RawRequest(body, (("Content-Type", "application/json"),))
        digest = hashlib.sha256(body).hexdigest()
        store_events(opened().database, [NewEvent(key, digest, "", "", utc_now(), raw)])
        queue.enqueue(work, key, result_ttl=0)
        return "ok", 200

    return app


def serve_jobs() -> None:
    """The worker, with all that its horses need imported; connections are theirs to open."""
    for configured in opened().catalog.all():
        assert configured.connector.parse is not None
    opened().database.dispose()
    waiting = _queue()
    Worker([waiting], connection=waiting.connection, serializer=JSONSerializer).work(
        logging_level="WARNING"
    )


if __name__ == "__main__":
    # By its own name: RQ would import what is `__main__` once more in every horse.
    from tests.bench import floor_visible

    floor_visible.serve_jobs()
