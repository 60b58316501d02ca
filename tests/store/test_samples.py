"""A connection's latest events and the records they are bound to, on both databases."""

from __future__ import annotations

from connectors.standard_webhook import emulator as site
from hub.store.lists import samples
from tests.support.hub import Hub


def test_the_latest_events_and_their_records(hub: Hub) -> None:
    configured, other = hub.site(), hub.site("other")
    for number, row in enumerate(site.LEADS[:3]):
        hub.post("site", site.lead(f"e-{number}", row))
        hub.post("other", site.lead(f"o-{number}", row))
    hub.drain("site")
    database = hub.store.database
    events = samples.newest_events(database, configured.id, 10)
    ids = [event["id"] for event in events]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert samples.newest_event_id(database, configured.id) == ids[0]
    assert [row["id"] for row in samples.newest_events(database, configured.id, 1, ids[0])] == [
        ids[1]
    ]
    assert len(samples.newest_events(database, other.id, 10)) == 3
    found = samples.stored_records(database, configured.id, "lead", ["L-501", "L-9"])
    assert {key: row["title"] for key, row in found.items()} == {"L-501": "Расчёт кухни"}
    assert samples.stored_records(database, configured.id, "nothing", ["L-501"]) == {}
