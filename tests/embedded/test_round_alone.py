"""The thread that serves all senders of events, without a server: where time and bugs matter."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gunicorn.http.unreader import (  # type: ignore[import-untyped]  # gunicorn ships no types
    SocketUnreader,
)

from hub.embedded import rounds
from hub.embedded.rounds import Round, whole_request
from hub.store import inbox
from tests.support.waiting import wait_until


class Connection:
    """What the round needs of gunicorn's connection, and its far end."""

    def __init__(self) -> None:
        self.sock, self.far = socket.socketpair()
        self.parser = self
        self.unreader = SocketUnreader(self.sock)

    def ask(self) -> None:
        self.far.sendall(b"POST /in/a HTTP/1.1\r\nContent-Length: 0\r\n\r\n")


class Alone:
    """A round without a server: what it serves is a function, what it gives back is kept."""

    def __init__(self) -> None:
        self.given: dict[Any, Any] = {}
        self.serve: Callable[[Any], Any] = self.store
        self.round = Round(lambda one: self.serve(one), self._keep)

    def _keep(self, connection: Any, done: Any) -> None:
        self.given[connection] = done.result()

    def store(self, connection: Connection) -> bool:
        """Answer as one does that stores an event."""
        connection.unreader.read()
        inbox.here.has_shared = True
        connection.sock.sendall(b"ok")
        return True

    def comes_back(self, connection: Connection) -> Any:
        """What came of a connection's last request, once it is given back."""
        wait_until(lambda: connection in self.given, 10, "a connection given back")
        return self.given[connection]


@pytest.fixture
def alone() -> Iterator[Alone]:
    opened = Alone()
    yield opened
    opened.round.close()


def take(alone: Alone, count: int) -> list[Connection]:
    """Connections that have a place, each served once."""
    taken = [Connection() for _ in range(count)]
    for one in taken:
        assert alone.round.take(one)
        one.ask()
        assert one.far.recv(10) == b"ok"
    return taken


def test_who_is_silent_for_a_moment_goes(alone: Alone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "STAY_SECONDS", 0.05)
    (one,) = take(alone, 1)
    assert alone.comes_back(one) is True
    # Whoever has it now may wait for it as long as it likes.
    assert not any(one.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))


def test_at_the_end_everybody_is_given_back_after_its_request(alone: Alone) -> None:
    under_way, over = threading.Event(), threading.Event()
    first, second = take(alone, 2)

    def slowly(connection: Connection) -> bool:
        under_way.set()
        over.wait(10)
        return alone.store(connection)

    alone.serve = slowly
    first.ask()
    assert under_way.wait(10)
    alone.round.close()
    assert not alone.given
    over.set()
    assert [alone.comes_back(first), alone.comes_back(second)] == [True, True]
    assert first.far.recv(10) == b"ok"
    assert not alone.round.take(Connection())


def test_a_sender_that_hangs_up_is_given_back_to_be_closed(alone: Alone) -> None:
    one, other = take(alone, 2)
    one.far.close()
    assert alone.comes_back(one) is False
    assert other not in alone.given


def test_a_sender_that_hangs_up_in_the_middle_is_a_threads(alone: Alone) -> None:
    (one,) = take(alone, 1)
    one.far.sendall(b"POST /in/a HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345")
    one.far.close()
    assert alone.comes_back(one) is True
    assert one.unreader.buf.getvalue().endswith(b"12345")


def test_a_sender_that_reads_nothing_is_hung_up_on(alone: Alone) -> None:
    deaf, other = take(alone, 2)

    def loudly(connection: Connection) -> bool:
        if connection is deaf:
            connection.sock.sendall(b"x" * 10_000_000)
        return alone.store(connection)

    alone.serve = loudly
    deaf.ask()
    assert alone.comes_back(deaf) is False
    other.ask()
    assert other.far.recv(10) == b"ok"


@pytest.mark.parametrize("wrong", [RuntimeError("a bug"), SystemExit(1)])
def test_one_that_fails_fails_alone(alone: Alone, wrong: BaseException) -> None:
    one, other = take(alone, 2)

    def fail(connection: Connection) -> bool:
        if connection is one:
            raise wrong
        return alone.store(connection)

    alone.serve = fail
    one.ask()
    assert alone.comes_back(one) is False
    other.ask()
    assert other.far.recv(10) == b"ok"


def test_a_bug_of_the_round_leaves_its_senders_to_threads(
    alone: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = take(alone, 2)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(alone.round, "_rest", lambda: 1 / 0)
        one.ask()
        assert [alone.comes_back(one), alone.comes_back(other)] == [True, True]
    assert not alone.round.take(Connection())


HEAD = b"POST /in/site HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\nok", True),
        (HEAD + b"content-LENGTH:2 \r\n\r\nok", True),
        (HEAD + b"Content-Length: 0\r\nX: 1\r\n\r\n", True),
        (HEAD + b"Content-Length: 3\r\n\r\nok", False),
        (HEAD + b"Content-Length: 2\r\n", False),
        (b"PO", False),
        (HEAD + b"X-Content-Length: 2\r\nContent-Length: 9\r\n\r\nok", False),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\nok", None),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", None),
        (HEAD + b"Content-Length: +2\r\n\r\nok", None),
        (HEAD + b"Content-Length: 2000000\r\n\r\nok", None),
        (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", None),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None),
        (HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n", None),
        (HEAD + b"\r\n\r\n", None),
        (HEAD + b"X: " + b"x" * rounds.PIECE, None),
        (b"GET /in/site HTTP/1.1\r\nContent-Length: 0\r\n\r\n", None),
        (b"POST /login HTTP/1.1\r\nContent-Length: 0\r\n\r\n", None),
    ],
)
def test_a_whole_request_is_told_from_others(data: bytes, whole: bool | None) -> None:
    assert whole_request(data) is whole
