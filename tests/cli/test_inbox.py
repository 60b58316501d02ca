"""`hub events`, `hub deliveries`, `hub mappings preview`: look, then run again."""

from __future__ import annotations

from pathlib import Path

from connectors.standard_webhook import emulator as site
from connectors.webhook_out.emulator import Emulator as Receiver
from hub.flow.deliver import deliver
from hub.store.models import deliveries, leads, replays
from tests.cli.conftest import Cli
from tests.support.hub import Hub, lead


def test_events_are_listed_filtered_and_paged(cli: Cli, inside: Hub) -> None:
    inside.site()
    for number in (1, 2, 3):
        inside.post("site", lead(number))
    inside.drain()
    inside.post("site", site.signed({"id": "evt-9", "type": "ping"}))
    inside.drain()
    assert "evt" not in cli("events", "list", "--status", "dead").out
    done = cli("events", "list", "--status", "done", "--json").json
    assert [row["key"] for row in done] == ["evt-3", "evt-2", "evt-1"]
    first = cli("events", "list", "--limit", "2", "--json")
    assert len(first.json) == 2
    cursor = first.err.rsplit(" ", 1)[-1].strip()
    rest = cli("events", "list", "--limit", "2", "--cursor", cursor, "--json")
    assert [row["key"] for row in rest.json] == ["evt-2", "evt-1"]
    assert cli("events", "list", "--since", "2030-01-01", "--json").json == []


def test_one_event_is_shown_whole_without_secrets(cli: Cli, inside: Hub) -> None:
    inside.site()
    inside.post("site", lead(1))
    inside.drain()
    shown = cli("events", "show", "1", "--json").json
    assert shown["connection"] == "site"
    assert shown["request"]["method"] == "POST"
    assert "Клиент 1" in shown["request"]["body"]
    assert {change["entity"] for change in shown["changes"]} == {"lead", "contact"}
    assert shown["attempt_list"][0]["outcome"] == "succeeded"
    text = cli("events", "show", "1").out
    assert "Клиент 1" in text
    signature = dict(lead(1).headers)["X-Signature"]
    assert signature not in text
    assert "there is no event 99" in cli("events", "show", "99", code=1).err


def test_replay_by_id_and_by_filter(cli: Cli, inside: Hub) -> None:
    inside.site()
    for number in (1, 2):
        inside.post("site", lead(number))
    inside.drain()
    cli("events", "replay", "1", "--reason", "a better mapping")
    assert inside.one(replays)["reason"] == "a better mapping"
    assert inside.statuses() == {"received": 1, "done": 1}
    inside.drain()
    assert "событий: 2" in cli("events", "replay", "--connection", "site", stdin="n\n", code=1).err
    assert inside.statuses() == {"done": 2}
    cli("events", "replay", "--connection", "site", "--step", "map", "--yes")
    assert inside.statuses() == {"received": 2}
    inside.drain()
    assert len(inside.rows(leads)) == 2
    assert "no such events" in cli("events", "replay", "--status", "dead", "--yes").out
    assert "filter" in cli("events", "replay", code=1).err
    assert "there is no event 99" in cli("events", "replay", "99", code=1).err


def test_deliveries_are_listed_and_replayed(cli: Cli, inside: Hub) -> None:
    receiver = Receiver()
    receiver.start()
    try:
        inside.option("network.allow", ["127.0.0.0/8"])
        target = inside.connect("out", receiver.connection())
        inside.site()
        inside.post("site", lead(1))
        inside.drain()
        deliver(inside.store, target.id)
        rows = cli("deliveries", "list", "--status", "delivered", "--json").json
        assert {row["entity"] for row in rows} == {"lead", "contact"}
        assert {row["connection"] for row in rows} == {"out"}
        cli("deliveries", "replay", str(rows[0]["id"]))
        assert inside.one(deliveries, id=rows[0]["id"])["status"] == "pending"
        again = cli("deliveries", "replay", str(rows[0]["id"]), code=1)
        assert "still open" in again.err
    finally:
        receiver.stop()


def test_preview_shows_every_field(cli: Cli, inside: Hub) -> None:
    inside.site()
    inside.post("site", lead(1))
    found = cli("mappings", "preview", "1", "--json").json
    (record,) = found["records"]
    fields = {field["field"]: field["result"] for field in record["fields"]}
    assert fields["title"] == "Заявка 1"
    assert fields["contact.phone"] == "+79160000001"
    assert "Заявка 1" in cli("mappings", "preview", "1").out
    assert not inside.rows(leads)


def test_mappings_show_and_check(cli: Cli, inside: Hub, tmp_path: Path) -> None:
    inside.site()
    shown = cli("mappings", "show", "site", "lead", "--json").json
    assert shown["lead"]["fields"]["title"] == "subject"
    assert "title: subject" in cli("mappings", "show", "site").out
    assert "there are: lead" in cli("mappings", "show", "site", "order", code=1).err
    assert cli("mappings", "check").out.strip() == "ok"
    path = tmp_path / "call.yml"
    path.write_text("entity: call\nfields:\n  direction: {from: a, as: loudly}\n")
    (problem,) = cli("mappings", "check", str(path), "--json", code=1).json
    assert (problem["line"], problem["severity"]) == (3, "error")
    assert "call.yml:3:" in cli("mappings", "check", str(path), code=1).out


def test_a_connection_whose_mapping_went_wrong_is_found(cli: Cli, inside: Hub) -> None:
    document = site.Emulator().connection()
    inside.connect("site", {**document, "mappings": {"lead": {"fields": {"title": {"as": "x"}}}}})
    assert "title" in cli("mappings", "check", code=1).out
