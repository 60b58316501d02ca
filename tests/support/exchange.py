"""A hub as 1C's site: real HTTP on a port, and a worker beside it that reads what was uploaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from flask import Flask
from sqlalchemy import select

from connectors.onec_commerceml.emulator import Client, Emulator
from hub.flow import drain, logins, poll
from hub.gateway import door
from hub.sdk.testing import VendorServer
from hub.store.models import stock_levels, sync_runs
from hub.store.store import Store
from tests.support.hub import Hub, Row

NAME = "onec"


def guid(word: str) -> str:
    """A GUID that a word always gives."""
    return str(uuid5(NAMESPACE_URL, word))


class Worker:
    """A thread that takes up queued runs, as the bulk worker does when it is rung for."""

    def __init__(self, store: Store) -> None:
        self._store, self._stop = store, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the run that is under way."""
        self._stop.set()
        self._thread.join(30)

    def _work(self) -> None:
        query = select(sync_runs.c.id).where(sync_runs.c.status == "queued")
        while not self._stop.wait(0.01):
            with self._store.database.read() as db:
                waiting = list(db.scalars(query.order_by(sync_runs.c.id)))
            for run_id in waiting:
                poll.run_sync(self._store, run_id)


class Site:
    """The hub under its address, `onec` connected to it."""

    def __init__(self, store: Store, url: str, onec: Emulator) -> None:
        self.hub, self.url, self.onec = Hub(store), f"{url}/in/{NAME}", onec

    def connect(self, **settings: Any) -> None:
        """Connect the 1C, with other settings than its emulator's."""
        document = self.onec.connection()
        given = {**document["settings"], "progress_seconds": 0, **settings}
        self.hub.connect(NAME, {**document, "settings": given})

    def client(self, kind: str = "catalog") -> Client:
        """A logged-in session of 1C."""
        client = Client(self.onec, self.url, kind)
        client.login()
        return client

    def drain(self) -> None:
        """Work off the events."""
        drain.drain(self.hub.store, self.hub.store.catalog.require(NAME).id, max_seconds=30)

    def levels(self) -> dict[tuple[str, str, str], Decimal]:
        """(item's article, characteristic, warehouse) → quantity of every stored level."""
        return {
            (row["sku"] or row["item_key"], row["variant"], row["warehouse"]): row["quantity"]
            for row in self.hub.rows(stock_levels)
        }

    def runs(self) -> list[Row]:
        """Every run, the oldest first."""
        return self.hub.rows(sync_runs)


@contextmanager
def site_of(store: Store, *, working: bool = True, **settings: Any) -> Iterator[Site]:
    """A site over real HTTP; with `working` a worker reads what comes."""
    logins.forget()
    app = Flask("exchange", static_folder=None)
    gateway = door.register(app, store)
    server = VendorServer(app.wsgi_app)
    server.start()
    worker = Worker(store)
    if working:
        worker.start()
    site = Site(store, server.url, Emulator())
    site.connect(**settings)
    try:
        yield site
    finally:
        if working:
            worker.stop()
        server.stop()
        gateway.rejections.flush()


def offers_file(rows: Mapping[str, str], *, head: str = "", tail: str = "") -> bytes:
    """An offers file: {item: the inner XML of its offer}."""
    inner = "".join(
        f"<Предложение><Ид>{guid(item)}</Ид>{body}</Предложение>" for item, body in rows.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.07">'
        f"<ПакетПредложений>{head}<Предложения>{inner}</Предложения></ПакетПредложений>{tail}"
        "</КоммерческаяИнформация>"
    ).encode()


def amount(quantity: str, **warehouses: str) -> str:
    """What an offer says of its stock: the total, and the attributes of each warehouse."""
    held = "".join(
        f'<Склад ИдСклада="{guid(name)}" КоличествоНаСкладе="{number}"/>'
        for name, number in warehouses.items()
    )
    return f"<Количество>{quantity}</Количество>{held}"
