"""P1 from the sender's side: a 2xx means the event is durable, anything else that it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from connectors.standard_webhook import emulator as site
from hub.registry import connector, manifests
from hub.sdk.signatures import hmac_sha256
from hub.settings import Settings
from hub.store.database import Database, utc_now
from hub.store.models import event_bodies, events, rejections
from hub.store.store import Store
from tests.gateway.conftest import Door, open_door
from tests.support.hub import Hub, lead, patch_parse

BOUNDED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


#: A row that only the COMMIT finds wrong, put in beside every event.
REFUSED_AT_COMMIT = {
    "sqlite": (
        "CREATE TABLE refused (id INTEGER REFERENCES events DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER refuse AFTER INSERT ON event_bodies"
        " BEGIN INSERT INTO refused VALUES (-1); END",
    ),
    "postgresql": (
        "CREATE TABLE refused (id BIGINT REFERENCES events DEFERRABLE INITIALLY DEFERRED)",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO refused VALUES (-1); RETURN NULL; END'",
        "CREATE TRIGGER refuse AFTER INSERT ON event_bodies FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
}
ACCEPTED_AGAIN = {
    "sqlite": ("DROP TRIGGER refuse", "DROP TABLE refused"),
    "postgresql": ("DROP FUNCTION refuse CASCADE", "DROP TABLE refused"),
}


@contextmanager
def refused_commits(database: Database) -> Iterator[None]:
    """The database takes every row of an accept, and refuses at the very last moment."""
    kind = database.engine.dialect.name
    _execute(database, REFUSED_AT_COMMIT[kind])
    try:
        yield
    finally:
        _execute(database, ACCEPTED_AGAIN[kind])


def _execute(database: Database, statements: Iterable[str]) -> None:
    with database.write() as db:
        for statement in statements:
            db.exec_driver_sql(statement)


@contextmanager
def broken_commits(engine: Engine) -> Iterator[None]:
    """The disk is full, or the database went away, at the very last moment."""

    def fail(_connection: Any) -> None:
        raise OperationalError("COMMIT", {}, OSError("no space left on device"))

    event.listen(engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(engine, "commit", fail)


def test_without_a_commit_there_is_no_2xx_and_nothing_stored(door: Door) -> None:
    door.hub.site()
    with refused_commits(door.hub.store.database):
        answers = [door.post("site", lead(number)) for number in (1, 2)]
    for answer in answers:
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert not door.hub.rows(events)
    assert not door.hub.rows(event_bodies)
    # The sender comes again, as it was told to.
    assert door.post("site", lead(1)).status_code == 200
    assert len(door.hub.rows(events)) == 1


def test_a_full_disk_is_told_by_readyz_and_the_process_lives(door: Door) -> None:
    with broken_commits(door.hub.store.database.engine):
        answer = door.client.get("/readyz")
        assert (answer.status_code, (answer.json or {})["store"]) == (503, "down")
        assert door.client.get("/healthz").status_code == 200
    assert door.client.get("/readyz").json == {"store": "up", "redis": "up", "status": "ready"}


def test_redis_being_away_changes_nothing_for_the_sender(sqlite_settings: Settings) -> None:
    nowhere = f"unix://{sqlite_settings.home / 'no-redis.sock'}"
    store = Store.open(replace(sqlite_settings, redis_url=nowhere))
    door = open_door(store)
    door.hub.site()
    assert door.post("site", lead(1)).status_code == 200
    answer = door.client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"store": "up", "redis": "down", "status": "degraded"}
    assert door.client.get("/metrics").status_code == 200
    assert door.hub.drain() == 1
    store.database.dispose()


def test_a_connection_set_up_wrongly_asks_the_sender_to_come_again(sqlite_door: Door) -> None:
    given = site.Emulator().connection()
    settings = {**given["settings"], "scheme": "standard"}
    secrets = {"secret": "whsec_not base64 at all!"}
    sqlite_door.hub.connect("site", {**given, "settings": settings, "secrets": secrets})
    headers = (
        ("webhook-id", "evt-1"),
        ("webhook-timestamp", str(int(utc_now().timestamp()))),
        ("webhook-signature", "v1,AAAA"),
    )
    answer = sqlite_door.post("site", replace(lead(1), headers=headers))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    # What is wrong with the connection is for its admin, not for whoever posts.
    assert b"secret" not in answer.data
    assert not sqlite_door.hub.rows(events)
    sqlite_door.gateway.rejections.flush()
    assert sqlite_door.hub.one(rejections)["cause"] == "config"


def test_a_bug_in_a_connector_s_check_is_a_503_and_the_event_comes_again(
    sqlite_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    sqlite_door.hub.site()
    with monkeypatch.context() as patch:
        patch.setitem(connector("standard_webhook").__dict__, "verify", broken)
        answer = sqlite_door.post("site", lead(1))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert sqlite_door.post("site", lead(1)).status_code == 200


@pytest.fixture
def busy_door(sqlite_door: Door) -> Door:
    """A gateway with a connection of every connector that takes webhooks."""
    for name in manifests():
        if connector(name).verify is not None:
            sqlite_door.hub.connect(name.replace("_", "-"), _document(name))
    return sqlite_door


def _document(name: str) -> dict[str, Any]:
    document = dict(connector(name).emulator().connection())
    return {**document, "schedule": {}}


HEADER_NAMES = st.sampled_from(
    [
        "Authorization",
        "Content-Encoding",
        "Content-Type",
        "Cookie",
        "X-Signature",
        "X-WC-Webhook-Signature",
        "X-WC-Webhook-Topic",
        "webhook-id",
        "webhook-timestamp",
    ]
)
HEADER_VALUES = st.sampled_from(
    [
        "",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=b",
        "text/xml; charset=utf-16",
        "sha256=",
        "t=1,v1=2",
        "gzip",
    ]
) | st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
)
BODIES = st.binary(max_size=200) | st.sampled_from(
    [
        b"[" * 50_000,
        b'{"a":' * 3_000,
        b"sign=%00&json=%FF%FE&vpbx_api_key=%D0",
        b"sign=" + b"9" * 5_000 + b"&json={}",
        b"timestamp=99999999999999999999&token=1&signature=2",
        b"timestamp=-1e9&token=%ED%A0%80&signature=%00",
        b'--b\r\nContent-Disposition: form-data; name="json"\r\n\r\n{}\r\n--b--',
        b"webhook_id=12",
        b"webhook_id=" + b"1" * 400,
        b"&".join(b"f%d=1" % n for n in range(3_000)),
        b'{"id": "\\ud800", "n": 1e99999}',
    ]
)


@BOUNDED
@given(
    data=st.data(),
    body=BODIES,
    headers=st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=4),
    rest=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="?#"), max_size=20),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30),
    method=st.sampled_from(["POST", "POST", "GET", "PUT", "HEAD", "OPTIONS", "PATCH", "DELETE"]),
)
def test_no_garbage_gets_a_5xx(
    busy_door: Door,
    data: st.DataObject,
    body: bytes,
    headers: list[tuple[str, str]],
    rest: str,
    query: str,
    method: str,
) -> None:
    names = [item.name for item in busy_door.hub.store.catalog.all()]
    name = data.draw(st.sampled_from([*names, "nobody", "%00", "..", "mango%2f.."]))
    answer = busy_door.client.open(
        f"/in/{name}/{rest}",
        method=method,
        input_stream=BytesIO(body),
        content_length=len(body),
        headers=headers,
        environ_overrides={"QUERY_STRING": query},
    )
    assert answer.status_code < 500
    assert answer.status_code in {200, 308, 401, 404, 405, 413}


@BOUNDED
@given(body=BODIES, media=HEADER_VALUES, rest=st.text(max_size=10))
def test_signed_garbage_is_kept_and_becomes_a_clear_dead_letter(
    sqlite_door: Door, body: bytes, media: str, rest: str
) -> None:
    """The signature is right, the rest is rubbish: never a lost body, never a bug."""
    if sqlite_door.hub.store.catalog.get("site") is None:
        sqlite_door.hub.site()
    signature = f"sha256={hmac_sha256(site.SECRET, body).hex()}"
    answer = sqlite_door.client.post(
        "/in/site",
        input_stream=BytesIO(body),
        content_length=len(body),
        headers=[
            ("X-Signature", signature),
            ("Content-Type", media),
            ("X-Any", rest.encode().hex()),
        ],
    )
    assert answer.status_code == 200
    sqlite_door.hub.drain()
    kept = sqlite_door.hub.rows(event_bodies)
    assert body in {bytes(row["body"]) for row in kept}
    for row in sqlite_door.hub.rows(events):
        assert row["status"] in {"dead", "ignored"}, row
        assert row["error_code"] in {"payload", "ignored"}, row
        assert row["error_message"]


def test_a_parser_that_fails_costs_the_sender_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no")

    door.hub.site()
    patch_parse(monkeypatch, broken)
    assert door.post("site", lead(1)).status_code == 200
    door.hub.drain()
    assert door.post("site", lead(1)).status_code == 200
    assert door.hub.statuses() == {"waiting": 1}


def test_the_event_is_there_for_another_process_before_the_reply(door: Door) -> None:
    """Seen through a connection of its own, in the moment of the reply."""
    door.hub.site()
    other = Hub(Store.open(door.hub.store.settings))
    for number in range(5):
        assert door.post("site", lead(number)).status_code == 200
        assert len(other.rows(events)) == number + 1
    other.store.database.dispose()
