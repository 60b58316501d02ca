"""What is over its time goes, in batches; what still waits for its work stays till then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.standard_webhook.emulator import LEADS, lead
from hub.flow.replay import replay_events
from hub.sdk.errors import Rejected
from hub.store import emptied, facts, retention
from hub.store.database import utc_now
from hub.store.models import attempts, audit, calls, event_bodies, events, leads
from tests.support.hub import Hub
from tests.support.rows import Rows

OLD = utc_now() - timedelta(days=40)


@pytest.fixture
def purged(hub: Hub) -> Hub:
    """Two old leads, the second still open, and a fresh one; then everything over 30 days goes."""
    hub.site()
    hub.post("site", lead("old", LEADS[0]), OLD)
    hub.drain()
    hub.post("site", lead("open", LEADS[1]), OLD)
    hub.post("site", lead("fresh", LEADS[2]), utc_now())
    rows = Rows(hub.store)
    rows.record("call", started_at=OLD, recording_url="https://rec/old", recording_id="1")
    rows.record("call", started_at=utc_now(), recording_url="https://rec/new")
    rows.attempt("delivery", 1, started_at=OLD, request="old request")
    with hub.store.database.write() as db:
        for at in (OLD, utc_now()):
            db.execute(audit.insert().values(at=at, actor="a", action="sign in", details={}))
    for kind in retention.KINDS:
        hub.option(f"retention.{kind}_days", 30)
    return hub


def purge(hub: Hub) -> None:
    while retention.purge(hub.store.database, hub.store.settings):
        pass


def methods(hub: Hub) -> dict[str, str]:
    keys = {row["id"]: row["event_key"] for row in hub.rows(events)}
    return {keys[row["event_id"]]: row["method"] for row in hub.rows(event_bodies)}


def test_what_is_over_its_time_goes_and_the_rest_stays(purged: Hub) -> None:
    held = {
        row.kind: row for row in retention.holdings(purged.store.database, purged.store.settings)
    }
    assert (held["events"].held, held["events"].over) == (3, 2)
    purge(purged)
    assert methods(purged) == {"old": emptied.EXPIRED, "open": "POST", "fresh": "POST"}
    assert len(purged.rows(leads)) == 1
    assert [row["recording_url"] for row in purged.rows(calls)] == [None, "https://rec/new"]
    assert len(purged.rows(audit)) == 1
    assert purged.one(attempts, subject="delivery")["request"] is None


def test_an_event_that_waited_goes_once_its_work_is_done(purged: Hub) -> None:
    purge(purged)
    purged.drain()
    assert len(purged.rows(leads)) == 3
    with purged.store.database.write() as db:
        # Those passed over are looked at once a day.
        facts.set_fact(db, "retention_rewound_at", OLD.isoformat())
    purge(purged)
    assert methods(purged)["open"] == emptied.EXPIRED


def test_a_replay_of_what_is_gone_says_so(purged: Hub) -> None:
    purge(purged)
    first = purged.one(events, event_key="old")["id"]
    with pytest.raises(Rejected, match=r"hub\.yml"):
        replay_events(purged.store, [first], "parse", "alice@example.ru", "why")
    assert purged.one(events, id=first)["status"] == "done"
