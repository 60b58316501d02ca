"""Replays of many events: a dry run writes nothing, a run goes on where it was left."""

from __future__ import annotations

from typing import Any

import pytest

from hub.flow import replay_job
from hub.flow.replay_job import DRY, RUN
from hub.sdk.errors import Rejected
from hub.store.lists.event_filters import EventFilters
from hub.store.models import (
    attempts,
    audit,
    changes,
    contacts,
    events,
    leads,
    replay_jobs,
    replayed_events,
    replays,
)
from hub.store.replay_jobs import Selection
from tests.flow.test_replay import EFFECTS, WRONG
from tests.support.hub import Hub, lead

ASKED = {"step": "parse", "actor": "alice", "reason": "the mapping was mended"}


def ask(hub: Hub, mode: str, selection: Selection, **values: Any) -> int:
    return replay_job.request(hub.store, selection, mode=mode, **{**ASKED, **values})


def run_to_end(hub: Hub, job_id: int) -> dict[str, Any]:
    """Turns of a worker and drains of another, as they come."""
    for _ in range(50):
        again = replay_job.turn(hub.store, job_id, 0.2)
        hub.drain()
        if not again and hub.one(replay_jobs, id=job_id)["status"] not in ("queued", "running"):
            break
    return hub.one(replay_jobs, id=job_id)


@pytest.fixture
def broken(hub: Hub) -> Hub:
    """Five leads, dead for a wrong mapping that has been mended since, and one that was fine."""
    hub.site(mappings=WRONG)
    for number in range(1, 6):
        hub.post("site", lead(number))
    hub.drain()
    hub.site()
    hub.post("site", lead(6))
    hub.drain()
    return hub


def test_a_dry_run_tells_what_would_change_and_writes_nothing(broken: Hub) -> None:
    hub = broken
    before = {table.name: hub.rows(table) for table in (*EFFECTS, events, attempts)}
    job = run_to_end(hub, ask(hub, DRY, Selection(filters=EventFilters(connection="site"))))
    assert (job["status"], job["total"], job["taken"]) == ("done", 6, 6)
    assert job["counts"] == {"changed": 5, "unchanged": 1}
    assert job["findings"]["actions"] == {"contact.created": 5, "lead.created": 5}
    sample = next(one for one in job["findings"]["samples"] if one["entity"] == "lead")
    assert sample["fields"]["title"] == [None, "Заявка 1"]
    assert {table.name: hub.rows(table) for table in (*EFFECTS, events, attempts)} == before
    assert not hub.rows(replays)


def test_a_dry_run_tells_what_would_fail_and_why(hub: Hub) -> None:
    hub.site()
    hub.post("site", lead(1))
    hub.drain()
    hub.site(mappings=WRONG)
    job = run_to_end(hub, ask(hub, DRY, Selection(ids=[1])))
    assert job["counts"] == {"failed": 1}
    cause = job["findings"]["causes"][0]
    assert (cause["code"], cause["count"], cause["event_id"]) == ("mapping", 1, 1)


def test_a_filter_is_replayed_to_its_end_and_written_down(broken: Hub) -> None:
    hub = broken
    job = run_to_end(hub, ask(hub, RUN, Selection(filters=EventFilters(status="dead"))))
    assert (job["status"], job["taken"], job["counts"]) == ("done", 5, {"done": 5})
    assert hub.statuses() == {"done": 6}
    assert len(hub.rows(leads)) == 6
    assert hub.one(replays)["event_count"] == 5
    assert len(hub.rows(replayed_events)) == 5
    assert {row["action"] for row in hub.rows(audit)} == {"replay many", "replay"}


def test_another_worker_goes_on_where_a_killed_one_was(
    broken: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = broken
    monkeypatch.setattr(replay_job, "BATCH", 2)
    job_id = ask(hub, RUN, Selection(filters=EventFilters(status="dead")))
    # A turn that ends while its batch is still with the drain; then that process is gone.
    replay_job.turn(hub.store, job_id, 0.01)
    half = hub.one(replay_jobs, id=job_id)
    assert (half["status"], half["taken"], len(half["in_flight"])) == ("running", 2, 2)
    hub.drain()
    job = run_to_end(hub, job_id)
    assert (job["status"], job["taken"], job["counts"]) == ("done", 5, {"done": 5})
    assert len(hub.rows(changes)) == 12


def test_a_cancelled_replay_opens_nothing_more(
    broken: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = broken
    monkeypatch.setattr(replay_job, "BATCH", 2)
    job_id = ask(hub, RUN, Selection(filters=EventFilters(status="dead")))
    replay_job.turn(hub.store, job_id, 0.01)
    replay_job.cancel(hub.store, job_id, "alice")
    hub.drain()
    assert run_to_end(hub, job_id)["status"] == "cancelled"
    assert hub.statuses() == {"done": 3, "dead": 3}
    with pytest.raises(Rejected):
        replay_job.cancel(hub.store, job_id, "alice")


def test_at_most_so_many_and_no_faster_than_asked(broken: Hub) -> None:
    hub = broken
    job = run_to_end(hub, ask(hub, RUN, Selection(filters=EventFilters(status="dead")), most=2))
    assert (job["taken"], job["counts"]) == (2, {"done": 2})
    job_id = ask(hub, DRY, Selection(filters=EventFilters(status="dead")), per_second=1)
    # A second for each: a turn of a moment takes one.
    replay_job.turn(hub.store, job_id, 0.01)
    assert hub.one(replay_jobs, id=job_id)["taken"] == 1


def test_what_stands_in_the_body_chooses_too(broken: Hub) -> None:
    hub = broken
    wanted = EventFilters(path="lead.name", equals="Клиент 3")
    job = run_to_end(hub, ask(hub, RUN, Selection(filters=wanted)))
    assert (job["total"], job["taken"]) == (None, 1)
    assert hub.statuses() == {"done": 2, "dead": 4}
    assert len(hub.rows(contacts)) == 2


def test_an_empty_selection_and_a_wrong_path_are_refused(broken: Hub) -> None:
    for selection in (
        Selection(ids=[]),
        Selection(filters=EventFilters(status="waiting")),
        Selection(filters=EventFilters(path="lead.[")),
    ):
        with pytest.raises(Rejected):
            ask(broken, RUN, selection)
    assert not broken.rows(replay_jobs)
