"""The web side: verify, then enqueue the event as a job."""

from __future__ import annotations

import os

from flask import Flask, request
from redis import Redis
from rq import Queue

from tests.bench.peers import job

app = Flask(__name__)
queue = Queue(connection=Redis.from_url(os.environ["PEER_REDIS_URL"]))


def accept() -> tuple[str, int]:
    """202 once Redis has the job."""
    body = request.get_data()
    if not job.verified(body, request.headers.get(job.SIGNATURE_HEADER)):
        return "", 401
    queue.enqueue("tests.bench.peers.flask_rq.worker.work", body.decode())
    return "", 202


app.add_url_rule(job.PATH, view_func=accept, methods=["POST"])
