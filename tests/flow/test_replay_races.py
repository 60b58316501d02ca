"""A replay asked for while a worker holds the event is not lost, whoever is quicker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from hub.flow import drain, looks
from hub.flow.prepare import prepare
from hub.flow.replay import replay_events
from hub.store import event_rows
from hub.store.models import attempts, event_counts, events, leads
from hub.store.store import Store
from tests.support.hub import Hub, lead, patch_parse


def mapped(title: str) -> dict[str, Any]:
    """A mapping whose leads bear this title."""
    return {"lead": {"external_id": "id", "fields": {"title": {"const": title}}}}


def publish_and_replay(hub: Hub) -> None:
    """An admin of another process mends the mapping and replays the event."""
    admin = Hub(Store.open(hub.store.settings))
    admin.site(mappings=mapped("new"))
    replay_events(admin.store, [admin.one(events)["id"]], "map", "anna", "mended")


def meanwhile(patch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> None:
    """Let `act` happen just before this step of the drain, once."""
    module = looks if name == "take" else drain
    real, done = getattr(module, name), list[bool]()

    def step(*args: Any, **options: Any) -> Any:
        if not done:
            done.append(True)
            act()
        return real(*args, **options)

    patch.setattr(module, name, step)


def after(real: Callable[..., Any], act: Callable[[], None]) -> Callable[..., Any]:
    """The step, and `act` right after it, once."""
    acts = [act]

    def step(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        if acts:
            acts.pop()()
        return found

    return step


@pytest.fixture
def waiting(hub: Hub) -> Hub:
    """A hub with the wrong mapping and one event to work off."""
    hub.site(mappings=mapped("old"))
    hub.post("site", lead(1))
    hub.store.catalog.all()
    return hub


@pytest.mark.parametrize("step", ["take", "prepare", "hold"])
def test_a_replay_before_the_worker_writes_counts(
    waiting: Hub, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whether the worker has not yet read the event, or has it parsed and mapped in its hands."""
    if step == "hold" and waiting.store.database.is_sqlite:
        # Its one writer commits before the worker's transaction begins: the same as «prepare».
        step = "prepare"
    with monkeypatch.context() as patch:
        meanwhile(patch, step, lambda: publish_and_replay(waiting))
        waiting.drain()
    assert waiting.one(leads)["title"] == "new"
    assert waiting.statuses() == {"done": 1}
    assert waiting.one(attempts)["outcome"] == "succeeded"
    assert sum(row["count"] for row in waiting.rows(event_counts, status="done")) == 1


def test_a_replay_after_the_code_was_mended_counts_too(
    waiting: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection changed: only the event itself can tell that it was opened again."""

    def parse(event: Any, connection: Any) -> Any:
        return [
            replace(one, external_id="", data={"id": said[0]}) for one in real(event, connection)
        ]

    def mend() -> None:
        said[0] = "right"
        replay_events(waiting.store, [waiting.one(events)["id"]], "parse", "anna", "mended")

    said = ["wrong"]
    real = patch_parse(monkeypatch, parse)
    with monkeypatch.context() as patch:
        if waiting.store.database.is_sqlite:
            patch.setattr(drain, "prepare", after(prepare, mend))
        else:
            meanwhile(patch, "hold", mend)
        waiting.drain()
    assert waiting.one(leads)["external_id"] == "right"
    assert waiting.statuses() == {"done": 1}


def test_a_replay_while_the_worker_commits_waits_and_then_counts(
    waiting: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the replay waits for the events that the worker's transaction holds."""
    real = event_rows.mark_done
    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
        asked: list[Any] = []

        def mark(*args: Any) -> None:
            if not asked:
                asked.append(pool.submit(publish_and_replay, waiting))
            real(*args)

        patch.setattr(event_rows, "mark_done", mark)
        waiting.drain()
        asked[0].result(20)
    waiting.store.catalog.forget()
    waiting.drain()
    assert waiting.one(leads)["title"] == "new"
    assert waiting.statuses() == {"done": 1}
    assert waiting.one(events)["generation"] == 1
