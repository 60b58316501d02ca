"""The job, in a module of its own: RQ imports it by name."""

from __future__ import annotations

import os

from tests.bench.peers import job

place = job.Place(os.environ["PEER_SQLITE"])


def work(body: str) -> None:
    """One event."""
    place.do(body)
