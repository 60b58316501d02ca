"""The means by which peers are measured: the job, the load client, the kill, the table."""

from __future__ import annotations

import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.bench.peers import event, job, table
from tests.bench.peers.__main__ import PEERS
from tests.bench.peers.load import Order, Pump, Watcher
from tests.bench.peers.place import Command, Place, Unavailable
from tests.bench.peers.processes import Running
from tests.bench.peers.uzel.peer import PEER as UZEL
from tests.bench.tables import aligned, markdown
from tests.support.running import free_port
from tests.support.waiting import wait_until

#: How a peer's rows are found in the plain tables.
SEEN = "select external_id from calls where external_id in ({ids})"
FOLDER = Path(__file__).with_name("peers")
#: A parent whose child runs in a session of its own, as work horses and daemons do.
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_job_that_runs_twice_shows_in_the_history_alone(tmp_path: Path) -> None:
    database = str(tmp_path / "crm.db")
    job.create_tables(database)
    place = job.Place(database)
    for number in (1, 1, event.CONTACTS + 1):
        place.do(event.body(number).decode())

    rows = sqlite3.connect(database)
    assert rows.execute("select external_id, count(*) from history group by 1").fetchall() == [
        ("call-0000001", 2),
        ("call-0002001", 1),
    ]
    assert rows.execute("select count(*) from calls").fetchone() == (2,)
    assert rows.execute("select phone, name, email from contacts").fetchall() == [
        ("+79160000001", "Мария Клиентова", "client0000001@example.ru")
    ]


def test_an_event_is_as_large_as_said_and_signed() -> None:
    body = event.body(7)
    assert abs(len(body) - event.BODY_BYTES) < 50
    assert job.verified(body, job.sign(body))
    assert not job.verified(body + b" ", job.sign(body))
    assert not job.verified(body, None)


@contextmanager
def receiver(database: str) -> Iterator[int]:
    """A small peer: it verifies, does the job, and refuses one event."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            good = job.verified(body, self.headers[job.SIGNATURE_HEADER])
            refused = b"call-0000002" in body
            if good and not refused:
                job.Place(database).do(body.decode())
            self.send_response(503 if refused else 202 if good else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_load_client_knows_what_was_acknowledged_and_when_it_was_visible(
    tmp_path: Path,
) -> None:
    database = str(tmp_path / "crm.db")
    job.create_tables(database)
    with receiver(database) as port:
        order = Order(port, job.PATH, 0, 0.05, 100.0, 4, database, SEEN)
        pump = Pump(order)
        watcher = Watcher(order, pump.sent)
        watcher.start()
        pump.run()
        wait_until(lambda: pump.sent.acknowledged.keys() <= watcher.seen.keys(), 10, "all rows")
    watcher.over = True

    sent = pump.sent
    assert 2 in sent.sent
    assert sent.acknowledged.keys() == sent.sent.keys() - {2}
    assert (sent.failed, sent.statuses[503]) == (1, 1)
    assert all(watcher.seen[number] >= sent.sent[number] for number in sent.acknowledged)


def test_the_load_client_acknowledges_nothing_when_nobody_listens() -> None:
    pump = Pump(Order(free_port(), job.PATH, 0, 0.05, 100.0, 2))
    pump.run()
    assert pump.sent.acknowledged == {}
    assert pump.sent.failed == len(pump.sent.sent) > 0


def test_a_kill_reaches_children_that_left_the_group(tmp_path: Path) -> None:
    running = Running([Command((sys.executable, "-c", FAMILY))], Place(tmp_path, free_port()))
    running.start()
    log = tmp_path / "process-0.log"
    wait_until(lambda: log.read_text().strip(), 20, "the child's number")
    child = int(log.read_text())
    assert child in running.tree()
    assert running.pss_mb() > 0

    running.kill()
    assert running.tree() == set()
    assert not Path(f"/proc/{child}/exe").exists()


def test_a_peer_that_does_not_start_says_its_last_words(tmp_path: Path) -> None:
    place = Place(tmp_path, free_port())
    running = Running([Command((sys.executable, "-c", "raise SystemExit('no licence')"))], place)
    running.start()
    with pytest.raises(Unavailable, match="no licence"):
        running.await_port(20)


def test_a_port_that_answers_is_enough(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Running([], Place(tmp_path, listening.getsockname()[1])).await_port(5)


@pytest.mark.parametrize("folder", PEERS.values())
def test_every_peer_has_its_parts_and_exact_versions(folder: str) -> None:
    home = FOLDER / folder
    assert (home / "peer.py").is_file()
    if folder == "uzel":
        return
    pins = [path for path in home.iterdir() if path.name in ("requirements.txt", "package.json")]
    assert len(pins) == 1
    text = pins[0].read_text(encoding="utf-8")
    assert not any(sign in text for sign in ("^", "~", ">=", "<", "*", "git+", "http"))


def test_the_table_tells_what_could_not_be_measured() -> None:
    row = table.row(
        {
            "title": "Peer", "version": "1.0", "keeps": "RAM", "accepts_per_second": 1234.5,
            "events_per_second": 8.4, "flood_left": 7, "visible_p50_ms": 2.04,
            "visible_p99_ms": 9.0, "never_visible": 3, "acknowledged": 5, "lost": 2,
            "still_working": True,
        }
    )  # fmt: skip
    assert row == (
        "Peer 1.0", "RAM", "1 234", "8 (falls behind)", "2.0 / 9.0 (3 not within 10 s)", "5",
        "2 (still working)", "–", "–",
    )  # fmt: skip
    heading, line = aligned([table.HEADINGS, row], table.WORDS).splitlines()
    assert len(heading) == len(line)
    assert markdown([table.HEADINGS, row], table.WORDS).splitlines()[1].count("---:") == 7


def test_the_hub_is_measured_by_a_connection_that_it_takes(tmp_path: Path) -> None:
    from hub.commands import connection_files
    from hub.settings import Settings
    from hub.store.store import Store

    UZEL.prepare(Place(tmp_path, 1))
    store = Store.open(Settings(home=tmp_path, secret_key="a key for a test"), migrate=True)
    done = [item for item in connection_files.import_all(store, "test") if item.name == "calls"]
    assert [item.error for item in done] == [""]
