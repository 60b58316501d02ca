"""Admins see why something did not arrive, and mend it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Table, select

from hub.store import emptied
from hub.store.database import utc_now
from hub.store.models import audit, connections, contacts, deliveries, merges, replays, sync_runs
from hub.store.store import Store
from tests.support.hub import Hub
from tests.support.people import ALICE, IRINA
from tests.web.conftest import SignIn, Visitor
from tests.web.scene import PASSWORD, Scene, add_people
from tests.web.test_managers import text_of


def rows(store: Store, table: Table) -> list[dict[str, Any]]:
    """Every row of a table."""
    with store.database.read() as db:
        return [dict(row) for row in db.execute(select(table).order_by(table.c.id)).mappings()]


def last_audit(store: Store) -> dict[str, Any]:
    """The newest entry that is not about looking."""
    return [row for row in rows(store, audit) if not row["action"].startswith("view")][-1]


@pytest.fixture
def alice(sign_in: SignIn) -> Visitor:
    """An admin."""
    return sign_in(ALICE)


def test_an_event_shows_its_whole_way(alice: Visitor, scene: Scene) -> None:
    page = text_of(alice.get(f"/admin/events/{scene.done_event}"))
    for part in ("1. Получено", "POST /in/site", "utm.source", "Заявка 1", "3. Сохранено",
                 "создано", "Попытки", "успешно"):  # fmt: skip
        assert part in page, part


def test_a_dead_event_says_why_and_what_to_do(alice: Visitor, scene: Scene) -> None:
    page = text_of(alice.get(f"/admin/events/{scene.dead_event}"))
    assert "в этом теле нет" in page
    assert "устраните причину и обработайте событие заново" in page


def test_an_event_without_its_request_says_so_and_is_not_replayed(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    with sqlite_store.database.write() as db:
        emptied.empty(db, [scene.done_event], emptied.ERASED, utc_now(), 7)
    page = alice.get(f"/admin/events/{scene.done_event}")
    assert "удалён вместе с персональными данными" in page
    assert 'href="/admin/personal/erasures/7"' in page
    assert f'action="/admin/events/{scene.done_event}/replay"' not in page
    assert "way-failed" not in page
    alice.post(f"/admin/events/{scene.done_event}/replay", step="parse", reason="проверка")
    assert "удалён вместе с данными человека" in alice.get("/admin/events")


def test_streams_are_called_by_their_titles(alice: Visitor, scene: Scene) -> None:
    for path in ("/admin", "/admin/connections", "/admin/runs", f"/admin/runs/{scene.run}"):
        assert "Остатки" in text_of(alice.get(path)).split("Отчёты")[-1], path


def test_a_host_that_is_left_alone_is_shown(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    traffic = sqlite_store.catalog.require("onec").connection.traffic
    for _ in range(5):
        traffic.enter("1c.local", "", 1).failed("1c.local did not answer in time")
    page = text_of(alice.get("/admin/connections/onec"))
    assert "1c.local не вызывается: отказов подряд – 5; следующая попытка" in page
    assert "1c.local не ответил вовремя" in page
    waits = "4–6 с, 25–35 с, 100–140 с, 8–12 мин, 25–35 мин, 1,7–2,3 ч, 5–7 ч, 10–14 ч, 20–28 ч"
    assert f"Повторы после неудачи через {waits}" in page


def test_no_secret_is_shown(alice: Visitor, scene: Scene, sqlite_store: Store) -> None:
    secrets = [
        value
        for configured in sqlite_store.catalog.all()
        for name in configured.connection.secrets
        for value in configured.connection.secrets.all(name)
    ]
    assert len(secrets) >= 4
    for path in (f"/admin/events/{scene.done_event}", "/admin/connections/site",
                 "/admin/connections/mango-main", "/admin/connections/onec"):  # fmt: skip
        page = alice.get(path)
        assert not [secret for secret in secrets if secret in page], path


def test_the_raw_body_is_a_file_not_a_page(alice: Visitor, scene: Scene) -> None:
    answer = alice.client.get(f"/admin/events/{scene.done_event}/body")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.mimetype == "application/octet-stream"
    assert b'"evt-1"' in answer.data


def test_a_replay_asks_for_a_reason_and_is_written_down(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    path = f"/admin/events/{scene.dead_event}"
    alice.post(f"{path}/replay", step="parse", reason="  ")
    assert "укажите причину" in alice.get("/")
    assert rows(sqlite_store, replays) == []
    status, target = alice.post(f"{path}/replay", step="parse", reason="починили форму")
    assert (status, target) == (302, path)
    assert "обрабатывается заново" in alice.get(path)
    assert rows(sqlite_store, replays)[0]["reason"] == "починили форму"
    entry = last_audit(sqlite_store)
    assert (entry["actor"], entry["action"]) == (ALICE.email, "replay")


def test_an_unknown_step_is_refused_in_words(alice: Visitor, scene: Scene) -> None:
    alice.post(f"/admin/events/{scene.dead_event}/replay", step="magic", reason="x")
    assert "шага «magic» нет" in alice.get("/")


def test_a_refusal_is_said_where_it_was_asked(alice: Visitor, scene: Scene) -> None:
    path = f"/admin/events/{scene.dead_event}"
    data = {"csrf_token": alice.token(), "reason": ""}
    for referrer, target in (
        (f"http://localhost{path}?x=1", f"{path}?x=1"),
        ("https://evil.example/admin", "/"),
        ("http://localhost//evil.example/", "/"),
    ):
        answer = alice.client.post(f"{path}/replay", data=data, headers={"Referer": referrer})
        assert answer.headers["Location"] == target


def test_dead_letters_stand_by_cause_and_a_group_replays_at_once(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    page = text_of(alice.get("/admin/dead"))
    assert "Обработать заново все (3)" in page
    group = {"connection": "site", "error_code": "payload", "reason": "сопоставление исправлено"}
    alice.post("/admin/dead/replay", step="parse", **group)
    assert "3 события обрабатываются заново" in text_of(alice.get("/admin/dead"))
    assert rows(sqlite_store, replays)[0]["event_count"] == 3
    assert Hub(sqlite_store).statuses() == {"done": 1, "received": 3}
    alice.post("/admin/dead/replay", step="parse", **group)
    assert "в этой группе уже ничего нет" in alice.get("/")


def test_pausing_asks_for_a_reason_and_resuming_does_not(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    alice.post("/admin/connections/site/state", state="paused", reason="")
    assert Hub(sqlite_store).state("site") == "active"
    alice.post("/admin/connections/site/state", state="paused", reason="переезд сайта")
    assert Hub(sqlite_store).state("site") == "paused"
    assert "переезд сайта" in alice.get("/admin/connections/site")
    alice.post("/admin/connections/site/state", state="active")
    assert Hub(sqlite_store).state("site") == "active"
    assert last_audit(sqlite_store)["action"] == "resume connection"


def test_a_stream_runs_on_demand(alice: Visitor, scene: Scene, sqlite_store: Store) -> None:
    status, target = alice.post("/admin/connections/onec/streams/stock/run")
    newest = rows(sqlite_store, sync_runs)[-1]
    assert (status, target) == (302, f"/admin/runs/{newest['id']}")
    assert (newest["status"], newest["trigger"]) == ("queued", "person")
    alice.post("/admin/connections/onec/streams/none/run")
    assert "потока «none» нет" in alice.get("/")


def test_a_held_snapshot_is_let_through_by_a_person(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    page = text_of(alice.get(f"/admin/runs/{scene.run}"))
    assert "в выгрузке 3 строки вместо 140" in page
    assert "return.Row[2]" in page
    alice.post(f"/admin/runs/{scene.run}/approve", reason="закрыли склад")
    newest = rows(sqlite_store, sync_runs)[-1]
    assert (newest["status"], newest["approved_by"]) == ("queued", ALICE.email)
    assert last_audit(sqlite_store)["details"]["reason"] == "закрыли склад"


def test_a_dead_delivery_is_sent_again(alice: Visitor, scene: Scene, sqlite_store: Store) -> None:
    path = f"/admin/deliveries/{scene.delivery}"
    assert "unknown field phone" in alice.get(path)
    alice.post(f"{path}/replay")
    assert rows(sqlite_store, deliveries)[0]["status"] == "pending"
    alice.post(f"{path}/replay")
    assert "доставка ещё не завершена" in alice.get(path)


def test_a_merge_moves_everything_and_can_be_undone(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    alice.post("/admin/duplicates/merge", kept_id=str(scene.irina), merged_id=str(scene.pavel))
    page = text_of(alice.get("/admin/duplicates"))
    assert "Клиенты объединены" in page
    assert "Разбирать нечего" in page
    merge = rows(sqlite_store, merges)[0]
    alice.post(f"/admin/merges/{merge['id']}/undo")
    both = {row["id"]: row["merged_into_id"] for row in rows(sqlite_store, contacts)}
    assert both[scene.pavel] is None
    assert IRINA.name in alice.get("/admin/duplicates")


def test_a_pair_of_different_people_is_dismissed_once(alice: Visitor, scene: Scene) -> None:
    alice.post("/admin/duplicates/1/dismiss")
    assert "разные люди" in alice.get("/admin/duplicates?status=dismissed")
    alice.post("/admin/duplicates/1/dismiss")
    assert "уже есть решение" in alice.get("/admin/duplicates")


def test_merging_nonsense_is_refused(alice: Visitor, scene: Scene) -> None:
    one = str(scene.irina)
    for kept, merged, status in ((one, one, 302), (one, "424242", 302), ("x", one, 400)):
        path = "/admin/duplicates/merge"
        assert alice.post(path, kept_id=kept, merged_id=merged)[0] == status


def test_the_mapping_in_force_is_shown(alice: Visitor, scene: Scene) -> None:
    page = alice.get("/admin/connections/onec/mappings/stock")
    assert 'value="Article"' in page
    assert "своё у подключения" in page
    assert "своё у подключения" not in alice.get("/admin/connections/site/mappings/lead")
    moved = alice.client.get("/admin/mappings/site/lead")
    assert moved.headers["Location"] == "/admin/connections/site/mappings/lead"


def test_an_empty_inbox_shows_where_to_send(site: Flask, sqlite_store: Store) -> None:
    add_people(sqlite_store)
    alice = Visitor(site.test_client())
    alice.sign_in(ALICE.email, PASSWORD)
    assert "Ни одно подключение пока не принимает вебхуки" in alice.get("/admin/events")
    assert "/admin/connections/new" in alice.get("/admin/connections")
    Hub(sqlite_store).site()
    assert "http://localhost/in/site" in alice.get("/admin/events?connection=site")
    assert "Событий пока нет" in alice.get("/admin/events?connection=site")
    assert "Ничего не найдено" in alice.get("/admin/events?status=dead")
    assert "Необработанных событий нет" in alice.get("/admin/dead")


def test_a_broken_connection_is_shown_with_its_reason(
    alice: Visitor, scene: Scene, sqlite_store: Store
) -> None:
    with sqlite_store.database.write() as db:
        from hub.store.facts import bump_config

        db.execute(connections.update().where(connections.c.name == "onec").values(settings={}))
        bump_config(db)
    sqlite_store.catalog.forget()
    for path in ("/admin/connections", "/admin/connections/onec"):
        page = text_of(alice.get(path))
        assert "неисправно" in page
        assert "обязательно нужно указать" in page
