"""What is due beside the streams: notices of incidents, reconciliations that are asked for."""

from __future__ import annotations

from collections.abc import Callable

from hub.flow import reconcile_jobs
from hub.sending import notices
from hub.store.store import Store


def work(store: Store, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Do what is due; safe in several workers at once."""
    notices.send_due(store)
    reconcile_jobs.work(store, is_stopping)
