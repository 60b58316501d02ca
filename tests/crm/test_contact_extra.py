"""What a source says of a contact beyond its columns."""

from __future__ import annotations

from connectors.standard_webhook import emulator as site
from hub.sdk.request import RawRequest
from hub.store.models import changes, contacts
from tests.support.hub import Hub

SETTINGS = {
    "records": [{"entity": "contact", "when": "type == 'client'", "from": "client"}],
}
MAPPED = {
    "contact": {
        "external_id": "id",
        "fields": {"name": "name", "extra.card": "card", "extra.level": "level"},
    }
}


def client(number: int, **said: str) -> RawRequest:
    """A signed message about one client."""
    return site.signed(
        {"id": f"evt-{number}", "type": "client", "client": {"id": "C-1", "name": "Анна", **said}}
    )


def test_extra_values_of_a_contact_are_kept_and_told(hub: Hub) -> None:
    settings = {**site.Emulator().connection()["settings"], **SETTINGS}
    hub.site(settings=settings, mappings=MAPPED)
    hub.post("site", client(1, card="7700", level="silver"))
    hub.drain()
    hub.post("site", client(2, level="gold"))
    hub.drain()
    contact = hub.one(contacts)
    assert contact["extra"] == {"card": "7700", "level": "gold"}
    assert "extra.level" in contact["origins"]
    told = [row["fields"]["extra"][1] for row in hub.rows(changes) if "extra" in row["fields"]]
    assert told == [{"card": "7700", "level": "silver"}, {"card": "7700", "level": "gold"}]
