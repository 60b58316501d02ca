"""/healthz (the process lives), /readyz (the store takes writes), /metrics (Prometheus)."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify
from prometheus_client import REGISTRY as PROCESS_REGISTRY
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from hub.queues import describe, queues_for
from hub.settings import metrics_dir
from hub.store import facts
from hub.store.database import utc_now
from hub.store.models import deliveries, events
from hub.store.store import Store


def register(app: Flask, store: Store) -> None:
    """Add the routes an operator's tools read."""

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        state: dict[str, Any] = {"store": _store_state(store)}
        state["redis"] = "up" if queues_for(store.settings).is_up() else "down"
        ready = state["store"] == "up"
        # Without Redis events are still accepted; only the work on them waits.
        state["status"] = "ready" if ready and state["redis"] == "up" else "degraded"
        if not ready:
            state["status"] = "not ready"
        return jsonify(state), 200 if ready else 503

    @app.get("/metrics")
    def metrics() -> Response:
        registry = PROCESS_REGISTRY
        if metrics_dir(store.settings).is_dir():
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(  # type: ignore[no-untyped-call]  # the library leaves it untyped
                registry, path=str(metrics_dir(store.settings))
            )
        text = generate_latest(registry) + generate_latest(_store_registry(store))
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _store_state(store: Store) -> str:
    try:
        with store.database.write() as db:
            facts.set_fact(db, "ready_at", utc_now().isoformat())
    except SQLAlchemyError:
        return "down"
    return "up"


class _StoreCollector:
    """Gauges read from the store when somebody asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Any:
        """Yield the gauges; nothing while the store is away."""
        names = {item.id: item.name for item in self._store.catalog.all()}
        waiting = GaugeMetricFamily(
            "uzel_open_events", "Events not finished, by status", labels=["connection", "status"]
        )
        owed = GaugeMetricFamily(
            "uzel_deliveries", "Deliveries not made, by status", labels=["connection", "status"]
        )
        try:
            with self._store.database.read() as db:
                for family, table, statuses in (
                    (waiting, events, ("received", "waiting", "dead")),
                    (owed, deliveries, ("pending", "waiting", "dead")),
                ):
                    query = (
                        select(table.c.connection_id, table.c.status, func.count())
                        .where(table.c.status.in_(statuses))
                        .group_by(table.c.connection_id, table.c.status)
                    )
                    for connection_id, status, count in db.execute(query):
                        name = names.get(connection_id, str(connection_id))
                        family.add_metric([name, status], count)
        except SQLAlchemyError:
            return
        depth = GaugeMetricFamily("uzel_queue_depth", "Jobs in RQ's queues", labels=["queue"])
        for queue, count in describe(queues_for(self._store.settings)).items():
            depth.add_metric([queue], count)
        yield from (waiting, owed, depth)


def _store_registry(store: Store) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StoreCollector(store))
    return registry
