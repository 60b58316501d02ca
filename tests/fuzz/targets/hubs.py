"""The whole way: the real application takes a request, the real drain works it off.

Three of four requests pass whatever their signature says, so that hostile bodies reach parse,
mapping and the database. In every batch stand known good events that nothing may hold up.
"""

from __future__ import annotations

import io
import logging
import shutil
import tempfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

from sqlalchemy import select

from hub.app import create_app
from hub.flow import drain
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import SignatureError
from hub.sdk.request import RawRequest
from hub.settings import Settings
from hub.store import tokens
from hub.store.database import Database, utc_now
from hub.store.inbox_rows import NewEvent, store_events
from hub.store.migrate import upgrade
from hub.store.models import events
from hub.store.store import Store
from tests.contract.cases import CASES, WEBHOOKS, webhook_of
from tests.fuzz.markup import join_http, mutate_http, split_http
from tests.fuzz.target import Finding, Run, Target, signature_of
from tests.fuzz.targets.webhooks import document_of, request_of, seeds_of
from tests.support import servers
from tests.support.hub import Hub, hasten

BATCH = 60
#: What may end an event, each with words for the person who must act.
CLEAR = frozenset({"payload", "mapping", "config", "mapping_config", "rejected", "ignored"})
PLURALS = {"company": "companies", "stock": "stock"}
LISTS = ["events", *(PLURALS.get(name, f"{name}s") for name in ENTITIES)]
CONNECTION = b"X-Fuzz-Connection"


def targets() -> list[Target]:
    """The hub on either database."""
    return [
        Target("hub:sqlite", partial(_open, nullcontext()), 2),
        Target("hub:postgresql", partial(_open, servers.postgres()), 1, is_heavy=True),
    ]


def wsgi(app: WSGIApplication, environ: dict[str, Any]) -> tuple[int, bytes]:
    """Call an application as a server does; returns status and body."""
    told: list[str] = []

    def start(status: str, _headers: Any, _exc: Any = None) -> Callable[[bytes], object]:
        told.append(status)
        return told.append  # type: ignore[return-value]  # nobody writes this way

    pieces = app(environ, start)
    try:
        body = b"".join(pieces)
    finally:
        if close := getattr(pieces, "close", None):
            close()
    return int(told[-1].split(" ", 1)[0]), body


def environ_of(request: RawRequest, path: str) -> dict[str, Any]:
    """A request as gunicorn would hand it over: headers of one name joined, texts Latin-1."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode("utf-8", "surrogatepass").decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "hub.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if not name or name.upper() in {"CONTENT-LENGTH", "TRANSFER-ENCODING"}:
            continue  # the server's own matter
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ["CONTENT_LENGTH"] = str(len(request.body))
    return environ


class Traceback(logging.Handler):
    """Keeps the last exception that the hub only logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.error: BaseException | None = None

    def forget(self) -> None:
        """Begin anew."""
        self.error = None

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the exception of a log record."""
        if record.exc_info:
            self.error = record.exc_info[1]


class HubRun:
    """An application on a store of its own, with one connection for each connector."""

    def __init__(self, database: AbstractContextManager[Any]) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="uzel-fuzz-"))
        self.database = database
        cluster = database.__enter__()
        url = cluster.emptied() if cluster else f"sqlite:///{self.home / 'hub.db'}"
        if not cluster:
            fresh = Database(url)
            upgrade(fresh)
            fresh.dispose()
        nowhere = f"unix://{self.home / 'no-redis.sock'}"
        self.store = hasten(
            Store.open(
                Settings(home=self.home, database_url=url, redis_url=nowhere, secret_key="fuzz")
            )
        )
        self.hub = Hub(self.store)
        self.token = tokens.create(self.store.database, "fuzz", "admin")
        self.app: WSGIApplication = create_app(store=self.store)
        self.known: dict[int, bytes] = {}
        self.neighbours: set[int] = set()
        self.top, self.number, self.turn = 0, 0, 0
        logging.disable(logging.NOTSET)
        self.logged = Traceback()
        root = logging.getLogger("hub")
        root.propagate, root.handlers = False, [self.logged]
        for name in WEBHOOKS:
            self.hub.connect(name, {**document_of(name), "schedule": {}})
            webhook_of(name).__dict__["verify"] = _lenient(webhook_of(name).verify)

    def check(self, blob: bytes) -> None:
        """One request; a batch is worked off now and then."""
        name, request = _addressed(blob)
        self.logged.forget()
        environ = environ_of(request, f"/in/{name}/{request.path}")
        status, body = wsgi(self.app, environ)
        if status >= 500:
            raise self._finding(f"answers {status}", body)
        self.number += 1
        if self.number % BATCH == 0:
            self.settle()
        elif status == 200:
            self._remember(blob)

    def _remember(self, blob: bytes) -> None:
        """Which event this request became, if it is a new one."""
        query = select(events.c.id).where(events.c.id > self.top).order_by(events.c.id.desc())
        with self.store.database.read() as db:
            found = db.scalar(query.limit(1))
        if found:
            self.known[found], self.top = blob, found

    def settle(self) -> None:
        """Good events join the batch, the drain runs, every event must have ended."""
        self._add_neighbours()
        for name in WEBHOOKS:
            configured = self.store.catalog.require(name)
            drain.drain(self.store, configured.id, max_seconds=60)
        known, neighbours = self.known, self.neighbours
        self.known, self.neighbours = {}, set()
        ids = [*known, *neighbours]
        with self.store.database.read() as db:
            rows = db.execute(select(events).where(events.c.id.in_(ids))).mappings().all()
        for row in sorted(rows, key=lambda one: one["id"]):
            _judge(row, known.get(row["id"], b""), is_good=row["id"] in neighbours)
        self._read_back()

    def _add_neighbours(self) -> None:
        for name in WEBHOOKS:
            configured = self.store.catalog.require(name)
            good = (one for one in CASES if one.connector == name and "records" in one.expected)
            if (case := next(good, None)) is None:
                continue  # its events bring no records: pieces of files, notices
            kind = webhook_of(name).event_type
            assert kind
            self.number += 1
            event = NewEvent(
                configured.id,
                f"neighbour-{self.number}",
                "",
                kind(case.request, configured.connection),
                utc_now(),
                case.request,
            )
            store_events(self.store.database, [event])
            with self.store.database.read() as db:
                self.top = db.scalar(select(events.c.id).order_by(events.c.id.desc()).limit(1)) or 0
            self.neighbours.add(self.top)

    def _read_back(self) -> None:
        """What was stored can be listed: no value breaks the pages behind it."""
        header = (("Authorization", f"Bearer {self.token}"),)
        lists = LISTS if self.turn % 20 == 0 else LISTS[self.turn % len(LISTS) :][:1]
        self.turn += 1
        for name in lists:
            request = RawRequest(b"", header, "GET", query="limit=100")
            status, body = wsgi(self.app, environ_of(request, f"/api/v1/{name}"))
            if status != 200:
                raise self._finding(f"/api/v1/{name} answers {status}", body)

    def _finding(self, words: str, body: bytes) -> Finding:
        """What was answered, with the error that the hub logged meanwhile."""
        cause = self.logged.error
        kind = f"{words}: {signature_of(cause)}" if cause else words
        found = Finding(kind, body.decode("utf-8", "replace")[:300])
        found.__cause__ = cause
        return found

    def close(self) -> None:
        """Take the store down."""
        self.store.database.dispose()
        self.database.__exit__(None, None, None)
        shutil.rmtree(self.home, ignore_errors=True)


def _lenient(verify: Any) -> Any:
    def check(request: RawRequest, connection: Any, now: datetime) -> None:
        try:
            verify(request, connection, now)
        except SignatureError:
            if zlib.crc32(request.body) % 4 == 0:
                raise

    return check


def _addressed(blob: bytes) -> tuple[str, RawRequest]:
    """The connection that an input names, and its request."""
    first, headers, body = split_http(blob)
    name = WEBHOOKS[0]
    for line in headers:
        key, _, value = line.partition(b":")
        given = value.strip().decode("latin-1")
        if key == CONNECTION and given in WEBHOOKS:
            name = given
    kept = [line for line in headers if not line.startswith(CONNECTION)]
    return name, request_of(join_http(first, kept, body))[0]


def _judge(row: Any, blob: bytes, *, is_good: bool) -> None:
    status, code, words = row["status"], row["error_code"], row["error_message"] or ""
    said = f"{status} {code}: {words[-1500:]}"
    if is_good and status != "done":
        raise Finding(f"a good neighbour is {status}", said)
    if status == "done" or (status == "ignored" and words):
        return
    if status == "dead" and code in CLEAR and words and "the store cannot hold" not in words:
        return
    last = words.strip().splitlines()[-1][:80] if words else ""
    raise Finding(f"an event ends {status} {code} {last}", said, blob)


def _open(database: AbstractContextManager[Any]) -> Run:
    run = HubRun(database)
    seeds = []
    for name in WEBHOOKS:
        mark = CONNECTION + b": " + name.encode()
        for seed in seeds_of(name, 1):
            first, headers, body = split_http(seed)
            seeds.append(join_http(first, [*headers, mark], body))
    return Run(seeds, mutate_http, run.check, run.settle, run.close, limit=30)
