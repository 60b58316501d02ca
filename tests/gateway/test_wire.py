"""The gateway over real sockets, behind the real gunicorn: what a test client cannot send."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from io import BufferedReader
from pathlib import Path

import pytest

from connectors.standard_webhook import emulator as site
from hub.registry import connector
from hub.sdk.request import RawRequest
from hub.settings import Settings
from hub.store.models import event_bodies, events
from hub.store.store import Store
from tests.conftest import SECRET_KEY
from tests.support.hub import Hub, lead
from tests.support.waiting import wait_until
from tests.support.web import gateway

TOKEN = "a-token-for-tests"


class Wire:
    """A gateway's port, and the hub behind it."""

    def __init__(self, hub: Hub, port: int) -> None:
        self.hub, self._port = hub, port

    @contextmanager
    def open(self) -> Iterator[socket.socket]:
        """A connection to it."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=20) as connection:
            yield connection

    def kept(self, body: bytes) -> int:
        """How many events have this body."""
        return sum(bytes(row["body"]) == body for row in self.hub.rows(event_bodies))


@pytest.fixture(scope="module")
def wire(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A gateway with a signed connection and one that only asks for a token."""
    home = tmp_path_factory.mktemp("wire")
    (home / "hub.db").write_bytes(sqlite_template.read_bytes())
    nowhere = f"unix://{home / 'no-redis.sock'}"
    settings = Settings(home=home, redis_url=nowhere, secret_key=SECRET_KEY)
    hub = Hub(Store.open(settings))
    hub.site()
    given = site.Emulator().connection()
    scheme = {**given["settings"], "scheme": "token", "header": "X-Token", "prefix": ""}
    hub.connect("open", {**given, "settings": scheme, "secrets": {"secret": TOKEN}})
    with gateway(settings, home / "web.log") as port:
        yield Wire(hub, port)
    hub.store.database.dispose()


def head(request: RawRequest, *extra: str, path: str = "/in/site", method: str = "POST") -> bytes:
    """The head of a request: its own headers and the extra ones."""
    lines = [f"{method} {path} HTTP/1.1", "Host: hub.example"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    return "\r\n".join([*lines, *extra, "", ""]).encode()


def sized(request: RawRequest, *extra: str, **line: str) -> bytes:
    """A whole request that announces its length."""
    return head(request, f"Content-Length: {len(request.body)}", *extra, **line) + request.body


def chunked(body: bytes, size: int = 700) -> bytes:
    """A body as chunks."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])


class Kept(BufferedReader):
    """What was read from a connection, of which a response has only its own part."""

    def close(self) -> None:
        """A response closes what it has read to its end; the next one reads on."""


class Pipelined:
    """A connection whose answers may come together.

    A response has a buffer of its own, in which all would be lost that came with its answer.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._file = Kept(connection.makefile("rb", buffering=0))

    def makefile(self, _mode: str) -> Kept:
        """The one buffer, whoever asks."""
        return self._file


def answer(
    connection: socket.socket | Pipelined, method: str = "POST"
) -> tuple[int, bytes, HTTPResponse]:
    """The next answer on this connection: status, body, all of it."""
    response = HTTPResponse(connection, method=method)  # type: ignore[arg-type]  # it asks for makefile() alone
    response.begin()
    return response.status, response.read(), response


def too_large() -> RawRequest:
    limit = connector("standard_webhook").manifest.max_body_bytes
    return RawRequest(b"x" * (limit + 1))


def test_a_chunked_body_is_kept_as_it_was(wire: Wire) -> None:
    sent = lead(101, comment="я" * 2_000)
    with wire.open() as connection:
        connection.sendall(head(sent, "Transfer-Encoding: chunked") + chunked(sent.body))
        assert answer(connection)[:2] == (200, b"ok")
    assert wire.kept(sent.body) == 1


def test_who_asks_before_sending_is_told_to_send(wire: Wire) -> None:
    sent = lead(102)
    length = f"Content-Length: {len(sent.body)}"
    with wire.open() as connection:
        connection.sendall(head(sent, length, "Expect: 100-continue"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(sent.body)
        assert answer(connection)[:2] == (200, b"ok")
    assert wire.kept(sent.body) == 1


@pytest.mark.parametrize(
    ("number", "refused", "status"),
    [
        (111, sized(too_large()), 413),
        (112, head(RawRequest(b""), "Transfer-Encoding: chunked") + chunked(too_large().body), 413),
        (113, sized(RawRequest(b"x" * 100_000)), 401),
        (114, sized(RawRequest(b"x" * 100_000), path="/in/nobody"), 404),
        (115, sized(RawRequest(b"x" * 100_000), method="DELETE"), 405),
    ],
    ids=["announced", "chunked", "unsigned", "unknown", "method"],
)
def test_a_refused_body_does_not_spoil_the_connection(
    wire: Wire, number: int, refused: bytes, status: int
) -> None:
    """Both requests are sent before either is answered."""
    sent = lead(number)
    with wire.open() as connection:
        connection.sendall(refused + sized(sent))
        answers = Pipelined(connection)
        assert answer(answers)[0] == status
        assert answer(answers)[:2] == (200, b"ok")
    assert wire.kept(sent.body) == 1


@pytest.mark.parametrize("is_chunked", [False, True], ids=["announced", "chunked"])
def test_a_body_that_was_cut_off_is_no_event(wire: Wire, is_chunked: bool) -> None:
    """A token proves the sender and nothing about the body, so only its length can tell."""
    body = b'{"id": "cut-%d"}' % is_chunked + b" " * 1_000
    sent = RawRequest(body, headers=(("X-Token", TOKEN),))
    if is_chunked:
        whole = head(sent, "Transfer-Encoding: chunked", path="/in/open") + chunked(body)
    else:
        whole = sized(sent, path="/in/open")
    before = len(wire.hub.rows(events))
    with wire.open() as connection:
        connection.sendall(whole[:-300])
        connection.shutdown(socket.SHUT_WR)
        assert answer(connection)[0] == 400
    assert len(wire.hub.rows(events)) == before
    with wire.open() as connection:
        connection.sendall(whole)
        assert answer(connection)[0] == 200
    assert len(wire.hub.rows(events)) == before + 1


def test_a_busy_sender_that_is_cut_off_is_told_so(wire: Wire) -> None:
    """Its connection is served in a round by then."""
    before = len(wire.hub.rows(events))
    with wire.open() as connection:
        for number in range(5):
            connection.sendall(sized(lead(700 + number)))
            assert answer(connection)[0] == 200
        connection.sendall(sized(lead(705))[:-30])
        connection.shutdown(socket.SHUT_WR)
        assert answer(connection)[0] == 400
    assert len(wire.hub.rows(events)) == before + 5


def test_chunks_that_are_none_are_refused(wire: Wire) -> None:
    with wire.open() as connection:
        connection.sendall(head(lead(103), "Transfer-Encoding: chunked") + b"not hex\r\n{}\r\n")
        assert answer(connection)[0] == 400


def test_a_head_request_gets_no_body_and_the_next_its_own(wire: Wire) -> None:
    sent = lead(104)
    with wire.open() as connection:
        connection.sendall(head(RawRequest(b""), method="HEAD") + sized(sent))
        status, body, response = answer(connection, "HEAD")
        assert (status, body) == (401, b"")
        assert int(response.headers["Content-Length"]) > 0
        assert answer(connection)[:2] == (200, b"ok")


def test_long_headers_are_kept_and_longer_ones_refused(wire: Wire) -> None:
    sent, long = lead(105), "v" * 16_000
    with wire.open() as connection:
        connection.sendall(sized(sent, f"X-Long: {long}"))
        assert answer(connection)[0] == 200
    assert any(["X-Long", long] in row["headers"] for row in wire.hub.rows(event_bodies))
    with wire.open() as connection:
        connection.sendall(head(sent, f"X-Long: {long * 2}"))
        assert 400 <= answer(connection)[0] < 500


def test_every_process_takes_requests_and_none_redirects(wire: Wire) -> None:
    """Addresses with a slash too many, as admins type them."""
    before = len(wire.hub.rows(events))
    for place, path in enumerate(("/in//site", "/in/site/", "/in/site//a//b", "//in/site")):
        with wire.open() as connection:
            connection.sendall(sized(lead(120 + place), path=path))
            assert answer(connection)[0] == 200, path
    wait_until(lambda: len(wire.hub.rows(events)) == before + 4, 5, "four events")
