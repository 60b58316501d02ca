"""A 300 000-offer CommerceML file: read alone, and through an upload's run into the store.

The floor is the same bytes through lxml's iterparse with the same offers freed behind it. Memory is
what the process grew by over its start, in a process of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from connectors._protocols.commerceml_reader import Reading, pages_of
from connectors.onec_commerceml.emulator import Emulator
from hub.flow import poll
from hub.sdk.dialogue import UPLOAD_TYPE, Upload, upload_key
from hub.sdk.request import RawRequest
from hub.settings import Settings
from hub.store import connections, exchanges
from hub.store.database import utc_now
from hub.store.inbox_rows import NewEvent
from hub.store.store import Store
from tests.bench.report import Report
from tests.support import servers
from tests.support.exchange import guid

OFFERS, GOODS, PIECE = 300_000, 20_000, 4 * 1024 * 1024
TAG = "{*}Предложение"
W1, W2 = guid("w1"), guid("w2")


def write_file(path: Path, count: int, *, named: bool) -> None:
    """Offers with two warehouses each; `named`: with article, name and price, else stock alone."""
    with path.open("wb") as out:
        out.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.07">'
            "<ПакетПредложений><Предложения>".encode()
        )
        for number in range(count):
            words = (
                f"<Артикул>А-{number}</Артикул><Наименование>Товар номер {number}</Наименование>"
                "<Цены><Цена><ИдТипаЦены>p</ИдТипаЦены><ЦенаЗаЕдиницу>1271.5</ЦенаЗаЕдиницу>"
                "<Валюта>RUB</Валюта></Цена></Цены>"
                if named
                else ""
            )
            out.write(
                f"<Предложение><Ид>5e1f0000-000a-4d00-8d00-{number:012}</Ид>{words}"
                f"<Количество>7</Количество>"
                f'<Склад ИдСклада="{W1}" КоличествоНаСкладе="4"/>'
                f'<Склад ИдСклада="{W2}" КоличествоНаСкладе="3"/></Предложение>\n'.encode()
            )
        out.write("</Предложения></ПакетПредложений></КоммерческаяИнформация>".encode())


def bare(file: BinaryIO) -> int:
    """The floor: every offer by iterparse, its children seen, memory freed."""
    count = 0
    for _, element in etree.iterparse(file, tag=TAG):
        count += len([(child.tag, child.text) for child in element])
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


def told(file: BinaryIO) -> int:
    """The reader: the whole file looked through, then every page."""
    return sum(len(page.rows) for page in pages_of(file, "", {}, Reading()))


def grew_megabytes(before: int) -> float:
    """By how much the process's peak is above what it was."""
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def apart(work: Callable[..., Any], *given: Any) -> tuple[float, float, Any]:
    """(seconds, MB grown, answer) of the work in a process of its own."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def run() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        answer = work(*given)
        send.send((time.perf_counter() - started, grew_megabytes(before), answer))

    process = context.Process(target=run)
    process.start()
    found: tuple[float, float, Any] = receive.recv()
    process.join()
    return found


def read_with(reader: Callable[[BinaryIO], int], path: Path) -> int:
    """Read a file from the disk."""
    with path.open("rb") as file:
        return reader(file)


def pieces(path: Path) -> Iterator[bytes]:
    """The file as 1C cuts it."""
    with path.open("rb") as file:
        while body := file.read(PIECE):
            yield body


def import_into(home: str, url: str, path: Path) -> dict[str, Any]:
    """Store the pieces as events, then carry out the run over them; the run's own figures."""
    settings = Settings(home=Path(home), database_url=url, secret_key="bench")
    store = Store.open(settings, migrate=True)
    with store.database.write() as db:
        key = connections.save(db, store.vault, "onec", Emulator().connection(), author="bench")
        session = exchanges.open_session(db, key, utc_now())
    order = upload_key(session.id, path.name)
    for number, body in enumerate(pieces(path)):
        event = NewEvent(
            key, f"{path.name}{number}", order, UPLOAD_TYPE, utc_now(), RawRequest(body)
        )
        store.inbox.accept(event)
    with store.database.read() as db:
        found = exchanges.pieces_of(db, key, order)
    upload = Upload(session.id, path.name, found[0].id, found[-1].id, len(found), 0)
    with store.database.write() as db:
        run_id, _ = exchanges.claim_run(db, key, "offers", upload, "", utc_now())
    started = time.perf_counter()
    status = poll.run_sync(store, run_id)
    seconds = time.perf_counter() - started
    store.database.dispose()
    return {"status": status, "seconds": seconds}


def main() -> None:
    """Print the figures."""
    report = Report("commerceml")
    with tempfile.TemporaryDirectory() as folder, servers.postgres() as cluster:
        full, stock, goods = (
            Path(folder) / name for name in ("full.xml", "rests.xml", "goods.xml")
        )
        write_file(full, OFFERS, named=True)
        write_file(stock, OFFERS, named=False)
        write_file(goods, GOODS, named=True)
        report.add("file of 300 000 offers", full.stat().st_size / 1e6, unit="MB")
        floor, _, _ = apart(read_with, bare, full)
        seconds, grew, rows = apart(read_with, told, full)
        assert rows == 2 * OFFERS
        report.add("read, offers", OFFERS / seconds, OFFERS / floor, at_least=0.1)
        report.add("read, memory grown", grew, unit="MB", at_most=30)
        for name, url in (("sqlite", ""), ("postgresql", cluster.emptied())):
            home = tempfile.mkdtemp(dir=folder)
            _, grew, done = apart(import_into, home, url, stock)
            assert done["status"] == "succeeded", json.dumps(done)
            report.add(f"rests into {name}, offers", OFFERS / done["seconds"], OFFERS / floor)
            report.add(f"rests into {name}, memory grown", grew, unit="MB", at_most=120)
        home = tempfile.mkdtemp(dir=folder)
        _, grew, done = apart(import_into, home, "", goods)
        assert done["status"] == "succeeded", json.dumps(done)
        report.add("goods, prices and stock into sqlite, offers", GOODS / done["seconds"])


if __name__ == "__main__":
    main()
