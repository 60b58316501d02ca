"""Calls whose webhooks never came are fetched from Mango's statistics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.mango import stats
from connectors.mango.emulator import Emulator
from hub.flow.reconcile import reconcile
from hub.store.models import calls
from tests.support.hub import Hub


@pytest.fixture
def mango(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setattr(stats, "LOOK_AGAIN_SECONDS", 0.01)
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def test_calls_that_were_never_told_are_recovered_as_they_were(hub: Hub, mango: Emulator) -> None:
    document = mango.connection()
    document["settings"]["limits"] = {"groups": {"stats": {"requests_per_second": 1000}}}
    hub.connect("mango", document)
    lost = {call.entry_id for call in mango.calls[::3]}
    told = {call.entry_id: call.messages for call in mango.calls}
    for call in mango.calls:
        call.messages = [] if call.entry_id in lost else call.messages
    for request in mango.webhooks():
        hub.post("mango", request)
    hub.drain("mango")
    for call in mango.calls:
        call.messages = told[call.entry_id]
    assert len(hub.rows(calls)) == len(mango.calls) - len(lost)

    now = datetime.now(UTC)
    for _ in range(2):
        days = reconcile(hub.store, "mango", now - timedelta(days=9), now + timedelta(hours=1))
    assert sum(day["theirs"] for day in days.values()) == len(mango.calls)
    assert sum(day["ours"] for day in days.values()) == len(mango.calls)
    assert sum(day["unexplained"] for day in days.values()) == 0

    rows = {row["external_id"]: row for row in hub.rows(calls)}
    for entry_id, (direction, status) in mango.outcomes().items():
        row = rows[entry_id]
        assert (row["direction"], row["status"]) == (direction, status), entry_id
    heard = {
        str(message["entry_id"])
        for call in mango.calls
        for kind, message in call.messages
        if kind == "events/record/added"
    }
    assert {entry_id for entry_id, row in rows.items() if row["recording_id"]} == heard
