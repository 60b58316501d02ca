"""The inbox through the API."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from hub.sdk.request import RawRequest
from hub.store.lists.events import dead_letter_groups
from hub.store.models import changes, events, replays
from hub.store.store import Store
from tests.api.conftest import Caller
from tests.support.rows import START, Rows, at


def test_events_are_narrowed_by_each_filter(admin: Caller, rows: Rows) -> None:
    mail, shop = rows.connection("mail"), rows.connection("shop")
    first = rows.event(mail)
    second = rows.event(shop, status="dead", error_code="payload", type="order.created")
    assert admin.ids("/events") == [second, first]
    for query in (
        {"connection": "shop"},
        {"status": "dead"},
        {"type": "order.created"},
        {"error_code": "payload"},
        {"key": "key-2"},
        {"since": at(2).isoformat()},
    ):
        assert admin.ids("/events", **query) == [second], query
    assert admin.ids("/events", until=at(2).isoformat()) == [first]


def test_events_are_found_by_what_stands_in_their_bodies(admin: Caller, rows: Rows) -> None:
    shop = rows.connection("shop")
    rows.event(shop, b'{"order": {"id": 7, "city": "Tver"}}')
    second = rows.event(shop, b'{"order": {"id": 8, "city": "Tver"}}')
    third = rows.event(shop, b"not json: tver")
    assert admin.ids("/events", text="TVER", limit=1) == [third]
    assert admin.ids("/events?path=order.id&equals=8") == [second]
    assert admin.ids("/events?path=order.id&text=city&connection=shop")[0] == second
    page = admin.get("/events", text="tver", limit=2)
    assert len(page["items"]) == 2
    rest = admin.get("/events", text="tver", limit=2, cursor=page["next_cursor"])
    assert len(rest["items"]) == 1
    for wrong, place in (("path=order[", "path"), ("equals=8", "query.equals")):
        answer = admin("GET", f"/events?{wrong}")
        assert answer.status_code == 422
        assert answer.json["errors"][0]["place"] == place


def test_one_event_shows_all_that_became_of_it_but_no_secret(
    store: Store, admin: Caller, rows: Rows
) -> None:
    mail = rows.connection("mail")
    body = "ключ s3cret-signing и ещё".encode()
    request = RawRequest(
        body,
        (("Authorization", "Basic dTpw"), ("X-Signature", "abc"), ("Content-Type", "text/plain")),
        path="/forward",
        query="token=open-sesame&page=2&x=s3cret-signing",
    )
    event = rows.event(mail, body, request, attempts=1)
    rows.attempt("event", event, error_message="refused s3cret-signing", error_code="payload")
    with store.database.write() as db:
        db.execute(
            changes.insert().values(
                entity="order",
                record_id=5,
                event_id=event,
                action="created",
                fields={"status": [None, "new"]},
                at=START,
            )
        )
    found = admin.get(f"/events/{event}")
    assert found["request"]["headers"] == [
        ["Authorization", "•••"],
        ["X-Signature", "•••"],
        ["Content-Type", "text/plain"],
    ]
    assert found["request"]["query"] == "token=•••&page=2&x=•••"
    assert found["request"]["body"] == "ключ ••• и ещё"
    assert found["attempt_list"][0]["error_message"] == "refused •••"
    assert found["changes"][0]["fields_changed"] == {"status": [None, "new"]}
    assert "s3cret-signing" not in str(found)


def test_a_body_that_is_not_text_comes_in_base64(admin: Caller, rows: Rows) -> None:
    event = rows.event(rows.connection(), b"\xff\x00\xfe")
    request = admin.get(f"/events/{event}")["request"]
    assert (request["body"], request["body_base64"]) == (None, "/wD+")


def test_a_replay_makes_a_dead_event_wait_for_work_again(
    store: Store, admin: Caller, rows: Rows
) -> None:
    event = rows.event(rows.connection(), status="dead", error_code="payload")
    answer = admin("POST", f"/events/{event}/replay", json={"reason": "mapping mended"})
    assert answer.status_code == 200
    assert answer.json["count"] == 1
    assert admin.get(f"/events/{event}")["status"] == "received"
    with store.database.read() as db:
        assert db.scalar(select(replays.c.reason)) == "mapping mended"


def test_many_events_are_replayed_by_filter_or_by_ids(admin: Caller, rows: Rows) -> None:
    mail = rows.connection()
    dead = [rows.event(mail, status="dead", error_code="mapping") for _ in range(3)]
    done = rows.event(mail, status="done")
    by_filter = {"filter": {"status": "dead"}, "step": "map", "reason": "mended"}
    assert admin("POST", "/events/replay", json=by_filter).json["count"] == 3
    assert admin("POST", "/events/replay", json=by_filter).json == {"replay_id": None, "count": 0}
    by_ids = {"ids": [dead[0], done], "reason": "to be sure"}
    assert admin("POST", "/events/replay", json=by_ids).json["count"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "x"},
        {"reason": "x", "ids": []},
        {"reason": "x", "filter": {}},
        {"reason": "x", "ids": [1], "filter": {"status": "dead"}},
        {"ids": [1]},
        {"reason": "x", "ids": [1], "step": "verify"},
    ],
)
def test_a_replay_of_nothing_in_particular_is_refused(
    admin: Caller, body: dict[str, object]
) -> None:
    assert admin("POST", "/events/replay", json=body).status_code == 422


def test_a_replay_of_an_unknown_event_is_404(admin: Caller) -> None:
    assert admin("POST", "/events/999/replay", json={}).status_code == 404
    answer = admin("POST", "/events/replay", json={"ids": [999], "reason": "x"})
    assert answer.status_code == 404


def test_dead_letters_that_died_alike_are_one_group(store: Store, rows: Rows) -> None:
    mail = rows.connection()
    ids = [
        rows.event(mail, status="dead", error_code="payload", error_message=f"{'a' * 80} {number}")
        for number in range(3)
    ]
    rows.event(mail, status="dead", error_code="mapping", error_message="other")
    with store.database.write() as db:
        db.execute(update(events).where(events.c.id == ids[0]).values(received_at=START))
    groups = dead_letter_groups(store.database)
    assert [(group["error_code"], group["count"]) for group in groups] == [
        ("payload", 3),
        ("mapping", 1),
    ]
    assert (groups[0]["first_at"], groups[0]["last_at"]) == (START, at(3))
    assert groups[0]["sample_id"] == ids[2]
    assert dead_letter_groups(store.database, "nobody") == []
