"""The thread that serves all senders of events, in a real gunicorn."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hub.embedded import rounds
from hub.sdk.request import RawRequest
from hub.settings import Settings
from hub.store import inbox
from hub.store.inbox_rows import NewEvent, store_events
from hub.store.models import events
from hub.store.store import Store
from tests.conftest import SECRET_KEY
from tests.support.hub import NOW, Hub
from tests.support.running import free_port
from tests.support.waiting import wait_until
from tests.support.web import gunicorn

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOME = "ROUNDS_TEST_HOME"
SENDERS = 8


@cache
def opened() -> tuple[Store, list[int]]:
    """In the server: the store, and the sizes of its commits."""
    store, sizes = Store.open(Settings(home=Path(os.environ[HOME]), secret_key=SECRET_KEY)), []

    def counted(database: Any, group: Any) -> list[bool]:
        sizes.append(len(group))
        return store_events(database, group)

    setattr(inbox, "store_events", counted)  # noqa: B010  # it is not the module's own name
    return store, sizes


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Stores what is sent to `/in/1/<key>`, under the hub's own inbox, and says which thread
    answers and how many events the last commit had. `/in/1/hold-<file>` waits for a file first;
    `/in/1/no` stores nothing."""
    path, said = environ["PATH_INFO"], environ["wsgi.input"].read()
    store, sizes = opened()
    home = Path(os.environ[HOME])
    if path.startswith("/in/1/") and not path.endswith("/no"):
        key = path.removeprefix("/in/1/")
        if key.startswith("hold-"):
            (home / f"{key}-is-there").touch()
            wait_until((home / key).exists, 20, "leave to go on")
        event = NewEvent(1, key, "", "kind", NOW, RawRequest(said, headers=()))
        store.inbox.accept(event, others_first=True)
    last = sizes[-1] if sizes else 0
    body = f"{threading.current_thread().name} {last} {len(said)}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Served:
    """A gunicorn with that application."""

    def __init__(self, hub: Hub, home: Path, port: int) -> None:
        self.hub, self.home, self.port = hub, home, port
        self._keys = iter(range(1_000_000))

    def open(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def send(
        self, connection: http.client.HTTPConnection, key: str = "", body: bytes = b"x"
    ) -> str:
        """Send an event, and hear who took it."""
        self.begin(connection, key, body)
        return heard(connection)

    def begin(
        self, connection: http.client.HTTPConnection, key: str = "", body: bytes = b"x"
    ) -> None:
        connection.request("POST", f"/in/1/{key or next(self._keys)}", body)

    def seated(self) -> http.client.HTTPConnection:
        """A connection that has its place in the round."""
        connection = self.open()
        for _ in range(2):
            self.send(connection)
        return connection

    def hold(self, key: str) -> http.client.HTTPConnection:
        """A connection whose request keeps the round until it is let go."""
        connection = self.seated()
        self.begin(connection, key)
        wait_until((self.home / f"{key}-is-there").exists, 20, "the round's standing still")
        return connection

    def let_go(self, key: str) -> None:
        (self.home / key).touch()


def heard(connection: http.client.HTTPConnection) -> str:
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read().decode()


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home, port = tmp_path_factory.mktemp("rounds"), free_port()
    (home / "hub.db").write_bytes(sqlite_template.read_bytes())
    hub = Hub(Store.open(Settings(home=home, secret_key=SECRET_KEY)))
    assert hub.site().id == 1
    options = ["-k", "hub.embedded.http_worker.StayingWorker", "--threads", "8"]
    options += ["--keep-alive", "15", "-b", f"127.0.0.1:{port}", "--no-control-socket"]
    named = "tests.embedded.test_rounds:app"
    with gunicorn(*options, named, port=port, log=home / "gunicorn.log", **{HOME: str(home)}):
        yield Served(hub, home, port)
    hub.store.database.dispose()


def test_who_has_sent_two_events_gets_a_place(served: Served) -> None:
    connection = served.open()
    said = [served.send(connection).split()[0] for _ in range(5)]
    assert "round" not in said[:2]
    assert said[2:] == ["round"] * 3


def test_what_is_ready_at_one_time_shares_one_commit(served: Served) -> None:
    others = [served.seated() for _ in range(SENDERS)]
    holder = served.hold("hold-all")
    for number, connection in enumerate(others):
        served.begin(connection, f"together-{number}")
    served.let_go("hold-all")
    assert heard(holder).startswith("round 1 ")
    assert [heard(one) for one in others] == [f"round {SENDERS} 1"] * SENDERS
    kept = {row["event_key"] for row in served.hub.rows(events)}
    assert {f"together-{number}" for number in range(SENDERS)} <= kept


def test_nobody_stands_behind_one_who_takes_long(served: Served) -> None:
    slow, other = served.seated(), served.seated()
    holder = served.hold("hold-first")
    served.begin(slow, "hold-second")
    served.begin(other)
    served.let_go("hold-first")
    heard(holder)
    # `slow` and `other` are in one round now.
    threading.Timer(3 * rounds.SLOW_SECONDS, served.let_go, ["hold-second"]).start()
    assert heard(slow).startswith("round")
    assert not heard(other).startswith("round")


def test_half_a_request_keeps_nobody_waiting(served: Served) -> None:
    """And is answered when the rest comes: in the round, or by a thread when it comes late."""
    for late in (False, True):
        halved, other = served.seated(), served.seated()
        halved.putrequest("POST", f"/in/1/halved-{late}")
        halved.putheader("Content-Length", "10")
        halved.endheaders(b"12345")
        assert served.send(other).startswith("round")
        if late:
            time.sleep(rounds.STAY_SECONDS * 1.2)  # that it does not come is the condition
        halved.send(b"67890")
        thread, _, size = heard(halved).split()
        assert (thread == "round", size) == (not late, "10")
        # And it has its place, or soon again.
        said = [served.send(halved).split()[0] for _ in range(3)]
        assert said[-1] == "round"


def test_a_long_body_is_read_by_a_thread(served: Served) -> None:
    connection = served.seated()
    said = served.send(connection, body=b"x" * 3 * rounds.PIECE)
    assert not said.startswith("round")
    assert said.endswith(f" {3 * rounds.PIECE}")


@pytest.mark.parametrize("path", ["/page", "/in/1/no"])
def test_what_stores_nothing_leaves_the_round(served: Served, path: str) -> None:
    connection = served.seated()
    method = "GET" if path == "/page" else "POST"
    connection.request(method, path)
    heard(connection)
    connection.request(method, path)
    assert not heard(connection).startswith("round")
    for _ in range(2):
        served.send(connection)
    assert served.send(connection).startswith("round")


def test_who_asks_for_something_else_in_between_stays_with_its_thread(served: Served) -> None:
    connection, threads = served.open(), set()
    for _ in range(5):
        threads.add(served.send(connection).split()[0])
        connection.request("GET", "/page")
        threads.add(heard(connection).split()[0])
    assert "round" not in threads


@pytest.mark.parametrize("is_seated", [True, False])
def test_requests_sent_in_one_piece_are_answered_without_rests(
    served: Served, is_seated: bool
) -> None:
    """What was read ahead tells no poll of itself: waiting for it would cost a stay for each."""
    connection = served.seated() if is_seated else served.open()
    if not is_seated:
        connection.connect()
    started, count = time.monotonic(), 12
    request = b"POST /in/1/piece-%d-%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
    connection.sock.sendall(b"".join([request % (is_seated, place) for place in range(count)]))
    said = b""
    while said.count(b"200 OK") < count:
        piece = connection.sock.recv(65_536)
        assert piece, said
        said += piece
    assert time.monotonic() - started < count / 2 * rounds.STAY_SECONDS
    kept = {row["event_key"] for row in served.hub.rows(events)}
    assert {f"piece-{is_seated:d}-{place}" for place in range(count)} <= kept


def test_many_senders_at_once_lose_nothing(served: Served) -> None:
    """Seated, silent and new ones, closing as they like."""

    def send(number: int) -> None:
        for opened in range(4):
            connection = served.open()
            for place in range(5):
                served.send(connection, f"many-{number}-{opened}-{place}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(send, range(16)))
    kept = {row["event_key"] for row in served.hub.rows(events)}
    assert sum(key.startswith("many-") for key in kept) == 320
