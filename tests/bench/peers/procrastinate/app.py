"""The web side: verify, then defer the event as a job."""

from __future__ import annotations

from flask import Flask, request
from procrastinate import App, SyncPsycopgConnector

from tests.bench.peers import job
from tests.bench.peers.procrastinate.worker import ADDRESS

app = Flask(__name__)
tasks = App(connector=SyncPsycopgConnector(conninfo=ADDRESS, max_size=16))
tasks.open()
work = tasks.configure_task("work")


def accept() -> tuple[str, int]:
    """202 once PostgreSQL has the job."""
    body = request.get_data()
    if not job.verified(body, request.headers.get(job.SIGNATURE_HEADER)):
        return "", 401
    work.defer(body=body.decode())
    return "", 202


app.add_url_rule(job.PATH, view_func=accept, methods=["POST"])
