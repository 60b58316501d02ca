"""P1, P7 for 1C's exchange: processes die while a file is posted and read; nothing is lost."""

from __future__ import annotations

import threading
from pathlib import Path

import requests

from connectors.onec_commerceml.emulator import Emulator, ExchangeError
from hub.store.models import products, stock_levels
from tests.faults.conftest import environment
from tests.support.exchange import amount, offers_file
from tests.support.hub import Hub
from tests.support.running import RunningHub, running_hub

GOODS = 4000
KILLS = ("worker bulk", "web worker", "worker bulk", "worker live", "worker bulk")


def kill_in_turn(hub: RunningHub, stop: threading.Event) -> list[str]:
    """Kill one after another until told to stop; returns who was killed."""
    killed = []
    for victim in KILLS:
        if stop.wait(0.8):
            break
        if hub.kill(victim):
            killed.append(victim)
    return killed


def test_an_exchange_survives_the_deaths_of_the_hubs_processes(sqlite_hub: Hub, home: Path) -> None:
    onec = Emulator()
    document = onec.connection()
    settings = {**document["settings"], "file_limit": 65536, "zip": False}
    sqlite_hub.connect("onec", {**document, "settings": settings})
    body = offers_file(
        {f"i{n}": f"<Артикул>А-{n}</Артикул>" + amount("7", w="4", v="3") for n in range(GOODS)}
    )
    stop = threading.Event()
    with running_hub(home, **environment(sqlite_hub)) as running:
        killer = threading.Thread(target=kill_in_turn, args=(running, stop))
        killer.start()
        try:
            send_until_taken(onec, f"{running.url}/in/onec", body)
        finally:
            stop.set()
            killer.join(30)
    levels = sqlite_hub.rows(stock_levels)
    assert len(levels) == 2 * GOODS
    assert {int(row["quantity"]) for row in levels} == {3, 4}
    assert len(sqlite_hub.rows(products)) == GOODS


def send_until_taken(onec: Emulator, url: str, body: bytes) -> None:
    """1C's schedule starts the exchange anew when it broke off."""
    for _ in range(20):
        try:
            return onec.send_catalog(url, [("offers0_1.xml", body)])
        except (ExchangeError, requests.RequestException):
            continue
    raise AssertionError("the exchange never came to its end")
