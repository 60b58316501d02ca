"""Streams of news: who gets what, who is dropped, what is caught up, who must sign in anew."""

from __future__ import annotations

import os
import re
import resource
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from redis import Redis
from sqlalchemy import insert

from hub.flow import tell
from hub.queues import queues_for
from hub.settings import Settings
from hub.store import users
from hub.store.database import utc_now
from hub.store.models import changes
from hub.store.store import Store
from hub.web.live import wire
from hub.web.live.broadcast import MAX_WAITING_BYTES, Broadcaster
from hub.web.live.ears import Ears
from tests.support.people import BORIS, VERA
from tests.support.running import free_port
from tests.support.waiting import wait_until
from tests.web.scene import PASSWORD, add_people

MARK = (0, "manager")
SECONDS = 10.0


class Listener:
    """The far end of a stream."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.heard = sock, b""

    def hears(self, words: bytes, seconds: float = SECONDS) -> bool:
        """Whether these words come within the time."""
        while words not in self.heard:
            if not select.select([self.sock], [], [], seconds)[0]:
                return False
            piece = self.sock.recv(65536)
            if not piece:
                return False
            self.heard += piece
        return True

    def is_closed(self) -> bool:
        """Whether the stream ends within the time."""
        while select.select([self.sock], [], [], SECONDS)[0]:
            if not self.sock.recv(65536):
                return True
        return False


def join(streams: Broadcaster, user_id: int = 1, mark: tuple[int, str] = MARK) -> Listener:
    ours, theirs = socket.socketpair()
    streams.join(ours, user_id, mark, b"hello\n\n")
    return Listener(theirs)


def test_news_reach_those_they_are_meant_for() -> None:
    streams = Broadcaster(limit=3)
    one, other, third = join(streams, 1), join(streams, 2), join(streams, 1)
    assert streams.is_full
    streams.send(b"for one\n\n", {1})
    streams.send(b"for all\n\n")
    assert all(who.hears(b"for all") for who in (one, other, third))
    assert b"for one" in one.heard
    assert b"for one" in third.heard
    assert b"for one" not in other.heard


def test_a_reader_that_is_gone_or_sleeps_is_dropped() -> None:
    streams = Broadcaster(limit=9, heartbeat_seconds=0.05)
    gone, asleep, awake = join(streams), join(streams), join(streams)
    assert gone.hears(b"hello")
    gone.sock.close()
    wait_until(lambda: len(streams) == 2, SECONDS, "the end of the one that has gone")
    piece = b"x" * (MAX_WAITING_BYTES // 2)
    for number in range(40):
        streams.send(piece + b"%d;" % number)
        assert awake.hears(b"x%d;" % number)
        awake.heard = b""
    wait_until(lambda: len(streams) == 1, SECONDS, "the end of the one that sleeps")
    assert awake.hears(b"still here")
    assert asleep.hears(b"hello")


def test_what_the_server_does_afterwards_does_not_touch_the_client() -> None:
    served, client = socket.socketpair()
    ours = served.dup()
    wire.put_aside(served)
    with pytest.raises(BrokenPipeError):
        served.sendall(b"HTTP/1.1 500")
    served.shutdown(socket.SHUT_WR)
    served.close()
    ours.sendall(b"mine")
    assert client.recv(100) == b"mine"


@pytest.fixture
def ears(sqlite_store: Store) -> Ears:
    add_people(sqlite_store)
    return Ears(sqlite_store, Broadcaster(limit=9))


def user_id(store: Store, email: str) -> int:
    return next(one.id for one in users.list_users(store.database) if one.email == email)


def note_change(store: Store, record_id: int) -> None:
    with store.database.write() as db:
        row = {"entity": "call", "record_id": record_id, "action": "created", "fields": {}}
        db.execute(insert(changes).values(**row, at=utc_now()))


def test_news_come_through_redis(ears: Ears, sqlite_store: Store, redis_url: str) -> None:
    listener = join(ears._streams, user_id(sqlite_store, VERA.email))
    ears.open()
    redis = Redis.from_url(redis_url)
    wait_until(lambda: redis.pubsub_numsub("uzel:news")[0][1], SECONDS, "the subscription")
    tell.topic(sqlite_store, "calls", [77])
    assert listener.hears(b'"calls":[77]')


def test_what_nobody_told_is_found_in_the_journal_once(ears: Ears, sqlite_store: Store) -> None:
    listener = join(ears._streams, user_id(sqlite_store, VERA.email))
    note_change(sqlite_store, 1)
    ears._begin()
    ears.pass_on({"calls": [2]})
    note_change(sqlite_store, 2)
    note_change(sqlite_store, 3)
    ears._look_round()
    ears._look_round()
    ears._streams.send(b"that is all")
    assert listener.hears(b"that is all")
    told = re.findall(rb'"calls":\[([0-9,]+)\]', listener.heard)
    assert told == [b"2", b"3"]


def test_a_session_that_ended_or_changed_its_role_closes_its_stream(
    ears: Ears, sqlite_store: Store
) -> None:
    vera, boris = (user_id(sqlite_store, one.email) for one in (VERA, BORIS))
    ended, kept = join(ears._streams, vera), join(ears._streams, boris, (0, "head"))
    changed = join(ears._streams, boris, (0, "admin"))
    users.change_password(sqlite_store.database, vera, "another-long-password")
    ears._begin()
    ears._look_round()
    assert ended.is_closed()
    assert changed.is_closed()
    ears._streams.send(b"still open")
    assert kept.hears(b"still open")
    ears.pass_on({"sessions": [boris]})
    assert kept.is_closed()
    assert b"sessions" not in kept.heard


@contextmanager
def gunicorn(settings: Settings) -> Iterator[str]:
    """The site behind the real server with one process and two threads; its address."""
    port = free_port()
    (settings.home / "hub.yml").write_text("gateway: {processes: 1, threads: 2}\n")
    environment = {
        **{key: value for key, value in os.environ.items() if key != "DATABASE_URL"},
        "HUB_HOME": str(settings.home), "HUB_PORT": str(port), "REDIS_URL": settings.queue_url,
        "HUB_SECRET_KEY": settings.secret_key,
    }  # fmt: skip
    root = Path(__file__).parents[2]
    words = ["-m", "gunicorn", "-c", "hub/embedded/gunicorn_conf.py", "hub.app:serve()"]
    with (settings.home / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=root, env=environment, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (settings.home / "web.log").read_text()
        try:
            return requests.get(f"{address}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    try:
        wait_until(answers, 60, "the start of gunicorn")
        yield address
    finally:
        process.terminate()
        process.wait(20)


def test_open_streams_hold_no_thread_of_the_server(sqlite_store: Store) -> None:
    """Twenty times as many streams as threads, and pages are answered all the same."""
    add_people(sqlite_store)
    with gunicorn(sqlite_store.settings) as address:
        session = requests.Session()
        page = session.get(f"{address}/login", timeout=20).text
        token = re.findall(r'name="csrf-token" content="([^"]+)"', page)[0]
        form = {"csrf_token": token, "email": VERA.email, "password": PASSWORD}
        assert session.post(f"{address}/login", data=form, timeout=20).ok
        cookie = "; ".join(f"{one.name}={one.value}" for one in session.cookies)
        head = f"GET /live HTTP/1.1\r\nHost: hub\r\nCookie: {cookie}\r\n\r\n".encode()
        listeners = []
        for _ in range(40):
            sock = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
            sock.sendall(head)
            listeners.append(Listener(sock))
        assert all(one.hears(b"event: hello") for one in listeners)
        assert b"text/event-stream" in listeners[0].heard
        assert b"Set-Cookie" not in listeners[0].heard
        assert session.get(f"{address}/calls", timeout=20).ok
        redis = queues_for(sqlite_store.settings).redis
        wait_until(lambda: redis.pubsub_numsub("uzel:news")[0][1], SECONDS, "the subscription")
        tell.topic(sqlite_store, "calls", [78])
        assert all(one.hears(b'"calls":[78]') for one in listeners)
        assert requests.get(f"{address}/live", timeout=20, allow_redirects=False).status_code == 302
    assert listeners[0].is_closed()


def test_files_may_be_open_for_every_stream() -> None:
    """The default limit of streams leaves room below the usual limit of open files."""
    from hub.web.live.views import DEFAULT_STREAMS

    assert min(1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]) > 2 * DEFAULT_STREAMS
