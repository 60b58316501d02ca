"""Two contacts become one, and can be two again as they were."""

from __future__ import annotations

from typing import Any

import pytest

from hub.crm.edit import edit_record
from hub.crm.merges import MergeError, merge, unmerge
from hub.store.models import (
    bindings,
    contact_points,
    contacts,
    identity_claims,
    leads,
    possible_duplicates,
    timeline,
)
from tests.support.hub import Hub, lead

IRINA = {"phone": "+79161110001", "email": "irina@example.ru", "name": "Ирина"}
SHARED = "+79161110009"
TABLES = (contacts, contact_points, bindings, identity_claims, leads, timeline)


@pytest.fixture
def pair(hub: Hub) -> tuple[int, int]:
    """Two contacts with a phone in common, a lead each; the first has no e-mail."""
    document = hub.site().mappings
    overlay = {"lead": {**document["lead"], "contact": {**document["lead"]["contact"]}}}
    overlay["lead"]["contact"]["external_id"] = "client"
    hub.site(mappings=overlay)
    hub.post("site", lead(1, phone="+79161110002", email="", name="И. Петрова", client="A"))
    hub.post("site", lead(2, **IRINA, client="B"))
    hub.drain()
    for number, client in ((3, "A"), (4, "B")):
        hub.post("site", lead(number, phone=SHARED, email="", name="", client=client))
        hub.drain()
    one, other = (int(hub.one(leads, external_id=f"L-{n}")["contact_id"]) for n in (1, 2))
    assert one != other
    return one, other


def everything(hub: Hub) -> dict[str, list[dict[str, Any]]]:
    """All that hangs on contacts, without the moment of the last change."""
    found = {}
    for table in TABLES:
        rows = [
            {name: value for name, value in row.items() if name not in {"updated_at"}}
            for row in hub.rows(table)
        ]
        if table is contact_points:
            rows = [{k: v for k, v in row.items() if k != "id"} for row in rows]
        found[table.name] = sorted(rows, key=lambda row: sorted(map(str, row.items())))
    return found


def test_what_belonged_to_one_belongs_to_the_other(hub: Hub, pair: tuple[int, int]) -> None:
    kept, merged = pair
    merge(hub.store, kept, merged, "alice")
    assert {row["contact_id"] for row in hub.rows(leads)} == {kept}
    assert {row["contact_id"] for row in hub.rows(timeline)} == {kept}
    assert {row["contact_id"] for row in hub.rows(contact_points)} == {kept}
    row = hub.one(contacts, id=kept)
    # Gaps are filled, what was there stays.
    assert (row["name"], row["email"]) == ("И. Петрова", IRINA["email"])
    assert "irina@example.ru" in row["search_text"]
    assert hub.one(contacts, id=merged)["merged_into_id"] == kept
    assert hub.one(possible_duplicates)["status"] == "merged"


@pytest.mark.parametrize("turned", [False, True], ids=["into the first", "into the second"])
def test_unmerging_restores_exactly_what_was(hub: Hub, pair: tuple[int, int], turned: bool) -> None:
    kept, merged = reversed(pair) if turned else pair
    before = everything(hub)
    merge_id = merge(hub.store, kept, merged, "alice")
    assert everything(hub) != before
    unmerge(hub.store, merge_id, "alice")
    after = everything(hub)
    for name, rows in before.items():
        assert after[name] == rows, name
    assert hub.one(possible_duplicates)["status"] == "open"


def test_events_that_come_meanwhile_go_to_the_kept_one_and_stay_there(
    hub: Hub, pair: tuple[int, int]
) -> None:
    kept, merged = pair
    merge_id = merge(hub.store, kept, merged, "alice")
    hub.post("site", lead(7, **IRINA, client="B"))
    hub.post("site", lead(8, phone="", email=IRINA["email"]))
    hub.drain()
    for number in (7, 8):
        assert hub.one(leads, external_id=f"L-{number}")["contact_id"] == kept
    unmerge(hub.store, merge_id, "alice")
    assert hub.one(leads, external_id="L-2")["contact_id"] == merged
    assert hub.one(leads, external_id="L-7")["contact_id"] == kept
    # And what comes afterwards goes to the one it is about.
    hub.post("site", lead(9, **IRINA, client="B"))
    hub.drain()
    assert hub.one(leads, external_id="L-9")["contact_id"] == merged
    assert len(hub.rows(contacts)) == 2


def test_unmerging_keeps_what_people_did_meanwhile(hub: Hub, pair: tuple[int, int]) -> None:
    kept, merged = pair
    merge_id = merge(hub.store, kept, merged, "alice")
    edit_record(
        hub.store, "contact", kept, {"email": "new@example.ru", "city": "Казань"}, "vera", None
    )
    unmerge(hub.store, merge_id, "alice")
    row = hub.one(contacts, id=kept)
    assert (row["email"], row["city"]) == ("new@example.ru", "Казань")
    assert "u" in row["origins"]["city"]
    assert "new@example.ru" in row["search_text"]


def test_what_cannot_be_merged_is_refused(hub: Hub, pair: tuple[int, int]) -> None:
    kept, merged = pair
    for one, other in ((kept, kept), (kept, 999), (999, kept)):
        with pytest.raises(MergeError):
            merge(hub.store, one, other, "alice")
    merge_id = merge(hub.store, kept, merged, "alice")
    for one, other in ((kept, merged), (merged, kept)):
        with pytest.raises(MergeError, match="already"):
            merge(hub.store, one, other, "alice")
    unmerge(hub.store, merge_id, "alice")
    for wrong in (merge_id, 999):
        with pytest.raises(MergeError):
            unmerge(hub.store, wrong, "alice")


def test_merges_in_a_row_are_undone_from_the_last(hub: Hub, pair: tuple[int, int]) -> None:
    kept, merged = pair
    hub.post("site", lead(10, phone="+79161110077", email="", client="C"))
    hub.drain()
    third = int(hub.one(leads, external_id="L-10")["contact_id"])
    before = everything(hub)
    first_merge = merge(hub.store, kept, merged, "alice")
    second_merge = merge(hub.store, third, kept, "alice")
    assert {row["contact_id"] for row in hub.rows(leads)} == {third}
    with pytest.raises(MergeError, match="later"):
        unmerge(hub.store, first_merge, "alice")
    # Bound to the first of the three: found through both merges.
    hub.post("site", lead(11, phone="", email="", client="B"))
    hub.drain()
    assert hub.one(leads, external_id="L-11")["contact_id"] == third
    unmerge(hub.store, second_merge, "alice")
    unmerge(hub.store, first_merge, "alice")
    after = everything(hub)
    assert after["contact_points"] == before["contact_points"]
    assert after["bindings"][: len(before["bindings"])] != []
    assert hub.one(leads, external_id="L-2")["contact_id"] == merged
