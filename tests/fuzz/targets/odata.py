"""What a 1C base answers by OData: rows in JSON and Atom, `$metadata`, errors, keys sent back."""

from __future__ import annotations

from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from connectors._protocols import odata_errors, odata_values
from connectors._protocols.odata_feed import feed
from connectors._protocols.odata_metadata import parse_metadata
from connectors._protocols.odata_rows import rows_of
from connectors._protocols.odata_server import Server, error_body, metadata_of
from connectors.onec_odata.emulator import Emulator, schema
from hub.sdk.errors import HubError
from hub.store.database import to_json
from tests.fuzz.markup import mutate_xml
from tests.fuzz.mutate import mutate_bytes, mutate_json
from tests.fuzz.target import Finding, Run, Target

MOSCOW = ZoneInfo("Europe/Moscow")


def targets() -> list[Target]:
    """Replies of every kind."""
    return [Target("odata", _open, 4)]


def _open() -> Run:
    base = Emulator()
    rows = [row for one in base.server.sets.values() for row in one.rows]
    whole = to_json({"odata.metadata": "x", "value": rows}).encode()
    seeds = [
        whole,
        feed(
            [("Catalog_X", row) for row in rows]
            + [("Catalog_X", {"deleted": odata_values.ZERO_REF})]
        ),
        metadata_of(Server(schema())),
        error_body("14", "Неверный отбор"),
        error_body("-1", "Недостаточно памяти", atom=True),
        b'{"odata.metadata":"x","value":[]}',
    ]
    return Run([b"%d\n" % size + one for one in seeds for size in (0, 7)], _change, check)


def _change(blob: bytes, random: Random) -> bytes:
    first, _, body = blob.partition(b"\n")
    if random.random() < 0.3:
        changed = mutate_bytes(body, random)
    else:
        changed = (mutate_xml if body.startswith(b"<") else mutate_json)(body, random)
    return first + b"\n" + changed


def check(blob: bytes) -> None:
    """Rows or one of the hub's errors, the same out of any pieces; keys that a filter can hold."""
    first, _, body = blob.partition(b"\n")
    sizes = (65536, 7 if first == b"7" and len(body) < 20_000 else 4096)
    found = [_read(body, size) for size in sizes]
    if found[0] != found[1]:
        raise Finding("a reply is read in two ways", f"{found[0]:.200} and {found[1]:.200}")
    odata_errors.error_in("application/json", body)
    if b"Edmx" in body[:2000]:
        _metadata(body)


def _read(body: bytes, size: int) -> str:
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    try:
        rows = list(rows_of("application/json", chunks))
    except HubError as error:
        error.message.encode()
        # A spoilt document may be found out at its root or at its end, as the pieces fall.
        return "refused"
    for row in rows:
        _send_back(row)
    return to_json([odata_values.tidy(row, MOSCOW) for row in rows])


def _send_back(row: dict[str, Any]) -> None:
    for name, value in row.items():
        if isinstance(value, str) and odata_values.is_guid(value):
            address = odata_values.url_of("X", {"$filter": f"{name} gt {odata_values.guid(value)}"})
            if not address.isascii() or " " in address or "+" in address:
                raise Finding("an address that 1C would not take", address[:200])


def _metadata(body: bytes) -> None:
    try:
        for one in parse_metadata([body]):
            one.name.encode()
    except HubError as error:
        error.message.encode()
