"""Replies that never end, are too large, or ask for something: real sockets, byte by byte."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub.sdk.errors import HubError, NotCalled, Rejected, RetryLater
from hub.sdk.http import HttpClient, replies
from hub.sdk.http.adapter import Exchange
from hub.sdk.http.deadline import WATCHDOG, Deadline
from hub.sdk.traffic import Passage, Traffic, Urgency
from tests.sdk import servers
from tests.support.waiting import wait_until

TOTAL = 0.4
LONG = 3600.0


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Ends a server's endless talk."""
    event = threading.Event()
    yield event
    event.set()


class Diary:
    """Traffic that lets everything through and writes down how it ended."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def enter(self, host: str, group: str, seconds: float) -> Passage:
        self.told.append("enter")
        return self

    def at(self, urgency: Urgency) -> Traffic:
        return self

    def succeeded(self) -> None:
        self.told.append("succeeded")

    def failed(self, reason: str, after: float | None = None) -> None:
        self.told.append(reason if after is None else f"{reason}, after {after:g}")

    def dropped(self) -> None:
        self.told.append("dropped")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (HEAD + b"\r\n", b"a"),
        (HEAD + b"Content-Length: 1000000\r\n\r\n", b"a"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", b"a"),
    ],
    ids=["status", "header", "body", "length", "chunks", "redirect"],
)
def test_a_server_that_drips_is_cut_by_the_whole_time(
    start: bytes, drop: bytes, stop: threading.Event
) -> None:
    """Every byte would start a read timeout anew; the deadline does not care."""
    diary = Diary()
    with servers.server(servers.dripping(start, drop, stop)) as port:
        client = HttpClient(
            f"http://127.0.0.1:{port}", total_seconds=TOTAL, traffic=diary, timeout=(5, LONG)
        )
        with pytest.raises(RetryLater, match=r"took longer than 0\.4 s") as cut:
            client.request("GET", "/", retry=False)
    assert cut.value.detail == "transport"
    assert diary.told == ["enter", cut.value.message]


def test_tls_does_not_help_a_server_that_drips(stop: threading.Event, tmp_path: Path) -> None:
    context, trusted = servers.certificate(tmp_path, "localhost")
    talk = servers.dripping(HEAD + b"\r\n", b"a", stop)
    with servers.server(talk, context) as port:
        client = HttpClient(f"https://localhost:{port}", total_seconds=TOTAL, timeout=(5, LONG))
        client.session.verify = str(trusted)
        with pytest.raises(RetryLater, match="took longer"):
            client.request("GET", "/", retry=False)


def test_a_handshake_that_drips_is_cut(stop: threading.Event) -> None:
    with servers.server(servers.dripping(b"", b"\x16", stop)) as port:
        client = HttpClient(f"https://127.0.0.1:{port}", total_seconds=TOTAL, timeout=(LONG, LONG))
        with pytest.raises(RetryLater):
            client.request("GET", "/", retry=False)


def test_a_server_that_says_nothing_is_cut_by_the_read_timeout(stop: threading.Event) -> None:
    with servers.server(servers.silent(stop)) as port:
        client = HttpClient(f"http://127.0.0.1:{port}", timeout=(5, 0.1))
        with pytest.raises(RetryLater, match="did not answer in time"):
            client.request("POST", "/")


def test_a_cut_connection_serves_nobody_else_and_the_next_call_works(stop: threading.Event) -> None:
    calls: list[bytes] = []
    before = set(WATCHDOG._open)

    def talk(caller: object) -> None:
        calls.append(b"")
        servers.answering(servers.http("200 OK", b"fine"))(caller)  # type: ignore[arg-type]  # a socket

    with servers.server(talk) as port:
        client = HttpClient(f"http://127.0.0.1:{port}", total_seconds=LONG)
        for _ in range(3):
            assert client.request("GET", "/").text == "fine"
        # One kept connection, and no deadline of an ended call that could cut it.
        assert len(calls) == 1
    assert not set(WATCHDOG._open) - before


def test_deadlines_strike_in_time_whatever_their_order() -> None:
    late = Deadline(600)
    soon = [Deadline(0.05), Deadline(0.1)]
    wait_until(lambda: all(deadline.struck for deadline in soon), 5, "the strikes")
    assert not late.struck
    late.cancel()
    late.strike()
    assert not late.struck


def test_too_large_a_reply_is_refused_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = servers.http("200 OK", b"a" * 300_000)
    with servers.server(servers.answering(sent)) as port:
        client = HttpClient(f"http://127.0.0.1:{port}")
        assert len(client.request("GET", "/").content) == 300_000
        monkeypatch.setattr(replies.read_limited, "__defaults__", (200_000,))
        with pytest.raises(Rejected, match="larger than 200000 bytes"):
            client.request("GET", "/")


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "500 Oops"])
def test_a_bomb_is_counted_as_unpacked(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 KB on the wire, 20 MB unpacked; the limit is on what is unpacked."""
    monkeypatch.setattr(replies.read_limited, "__defaults__", (1_000_000,))
    packed = gzip.compress(b"\0" * 20_000_000)
    sent = servers.http(status, packed, "Content-Encoding: gzip", "Location: /x")
    with servers.server(servers.answering(sent)) as port:
        client = HttpClient(f"http://127.0.0.1:{port}")
        with pytest.raises(Rejected, match="larger than"):
            client.request("GET", "/")


def test_redirects_are_not_followed() -> None:
    asked: list[bytes] = []

    def talk(caller: object) -> None:
        asked.append(servers.request_of(caller))  # type: ignore[arg-type]  # a socket
        reply = servers.http("302 Found", b"", "Location: http://169.254.169.254/latest/")
        caller.sendall(reply)  # type: ignore[attr-defined]  # a socket

    with servers.server(talk) as port:
        client = HttpClient(f"http://127.0.0.1:{port}")
        followed: list[dict[str, Any]] = [{}, {"allow_redirects": True}]
        for options in followed:
            with pytest.raises(Rejected, match="redirects elsewhere"):
                client.request("GET", "/", **options)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (servers.http("204 No Content", b""), "succeeded"),
        (servers.http("404 Not Found", b"no"), "succeeded"),
        (servers.http("401 Unauthorized", b"no"), "succeeded"),
        (servers.http("500 Oops", b"no"), "HOST answered 500"),
        (servers.http("500 Fault", b"<a/>", "Content-Type: text/xml"), "succeeded"),
        (servers.http("502 Bad", b"<a/>", "Content-Type: text/xml"), "HOST answered 502"),
        (servers.http("429 Slow", b"", "Retry-After: 7"), "HOST answered 429, after 7"),
        (servers.http("503 Closed", b"", "Retry-After: 9"), "HOST answered 503, after 9"),
        (b"", "HOST cannot be reached"),
        (b"rubbish\r\n\r\n", "HOST cannot be reached"),
    ],
)
def test_the_breaker_learns_how_each_call_ended(reply: bytes, told: str) -> None:
    diary = Diary()

    def talk(caller: object) -> None:
        if servers.request_of(caller) and reply:  # type: ignore[arg-type]  # a socket
            caller.sendall(reply)  # type: ignore[attr-defined]  # a socket

    with servers.server(talk) as port:
        client = HttpClient(f"http://127.0.0.1:{port}", traffic=diary)
        with suppress(HubError):
            client.request("POST", "/")
        assert diary.told == ["enter", told.replace("HOST", f"127.0.0.1:{port}")]


def test_nothing_is_sent_without_leave() -> None:
    class Closed(Diary):
        def enter(self, host: str, group: str, seconds: float) -> Passage:
            raise NotCalled("later", after=5)

    with servers.server(servers.answering(b"")) as port:
        client = HttpClient(f"http://127.0.0.1:{port}", traffic=Closed())
        with pytest.raises(NotCalled) as refused:
            client.request("GET", "/")
    assert refused.value.after == 5


def test_a_call_that_was_not_made_gives_its_leave_back() -> None:
    diary = Diary()
    client = HttpClient("http://169.254.1.1", traffic=diary)
    with pytest.raises(Exception, match="metadata"):
        client.request("GET", "/")
    assert diary.told == ["enter", "dropped"]


def test_waiting_for_a_turn_is_not_part_of_the_call_s_time() -> None:
    class Slow(Diary):
        def enter(self, host: str, group: str, seconds: float) -> Passage:
            time.sleep(0.05)
            return self

    exchange = Exchange(60)
    before = time.monotonic()
    deadline = exchange.begin(Slow(), "h")
    assert deadline.at - before >= 60.05
    exchange.end()
