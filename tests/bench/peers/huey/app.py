"""The web side: verify, then put the event into the queue."""

from __future__ import annotations

from flask import Flask, request

from tests.bench.peers import job
from tests.bench.peers.huey.worker import task

app = Flask(__name__)


def accept() -> tuple[str, int]:
    """202 once the queue's file has the task."""
    body = request.get_data()
    if not job.verified(body, request.headers.get(job.SIGNATURE_HEADER)):
        return "", 401
    task(body.decode())
    return "", 202


app.add_url_rule(job.PATH, view_func=accept, methods=["POST"])
