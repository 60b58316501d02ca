"""Reading a set page after page by its key, so that nothing is missed while rows change.

Each page asks for what follows the last row's key: a row that stands still is met whatever is
added, removed or changed meanwhile. The order is the base's own (1C orders references by their
bytes, not by their text), so keys are never compared here. A page ends the set only when it is
empty: a base may give fewer rows than asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors._protocols import odata_values as values
from connectors._protocols.odata_errors import TooMuch
from connectors._protocols.odata_rows import rows_of
from connectors._protocols.odata_wire import JSON, Wire
from hub.sdk.errors import ConfigError, PayloadError, RetryLater

Row = dict[str, Any]
#: A first page tells how large the rows are; the next ones aim at so many bytes.
PROBE_ROWS: Final = 20
PAGE_BYTES: Final = 8 * 1024 * 1024
MAX_ROWS: Final = 2000
PAGE_TRIES: Final = 3
#: Keys asked for in one request: an address of some kilobytes passes every web server.
KEYS_AT_ONCE: Final = 30


class PageSize:
    """How many rows the next page asks for: by bytes per row seen, halved when 1C gives up."""

    def __init__(self, rows: int = PROBE_ROWS, most: int = MAX_ROWS) -> None:
        self.rows, self.most = min(rows, most), most

    def saw(self, rows: int, size: int) -> None:
        """A page of so many rows had so many bytes."""
        if rows:
            fitting = PAGE_BYTES * rows // max(1, size)
            self.rows = max(1, min(self.most, fitting, self.rows * 10))

    def too_much(self) -> bool:
        """1C could not give so many; False when it cannot be asked for fewer."""
        if self.rows <= 1:
            return False
        self.rows //= 2
        self.most = self.rows
        return True


def pages(
    wire: Wire,
    name: str,
    keys: Mapping[str, str],
    select: Sequence[str] = (),
    where: str = "",
    size: PageSize | None = None,
) -> Iterator[list[Row]]:
    """The rows of a set in pages, by its key {property: Edm type}; the key is selected too.

    ConfigError when the set has no key, PayloadError when the base does not keep to the filter.
    """
    if not keys:
        raise ConfigError(f"у {name} в $metadata нет ключа: страницами его не прочитать")
    size = size or PageSize()
    last: Row = {}
    query = {"$orderby": ",".join(keys)}
    if select:
        query["$select"] = ",".join(dict.fromkeys([*keys, *select]))
    while True:
        filters = values.both(where, _after(keys, last) if last else "")
        found = _page(wire, name, {**query, **({"$filter": filters} if filters else {})}, size)
        if not found:
            return
        _check_keys(name, keys, found)
        newest = {key: found[-1].get(key) for key in keys}
        if newest == last:
            raise PayloadError(f"1С отвечает на отбор по ключу {name} теми же строками")
        last = newest
        yield found


def rows(wire: Wire, name: str, query: Mapping[str, str]) -> Iterator[Row]:
    """The rows of one reply as they come: a virtual table, which `$top` does not shorten."""
    with wire.open(name, {**query, **JSON}) as reply:
        yield from rows_of(reply.headers.get("Content-Type", ""), wire.chunks(reply))


def by_refs(
    wire: Wire,
    name: str,
    field: str,
    refs: Sequence[str],
    select: Sequence[str] = (),
    kind: str = "",
) -> Iterator[Row]:
    """The rows whose reference is among these, some references a request.

    A field that may refer to several sets needs the one meant: without it 1C finds nothing.
    """
    for start in range(0, len(refs), KEYS_AT_ONCE):
        asked = refs[start : start + KEYS_AT_ONCE]
        marks = [values.guid(one) for one in asked]
        marks = [f"cast({mark},{values.text(kind)})" for mark in marks] if kind else marks
        query = {"$filter": values.any_of([f"{field} eq {mark}" for mark in marks])}
        if select:
            query["$select"] = ",".join(select)
        for row in rows(wire, name, query):
            _check_keys(name, {field: "Edm.Guid"}, [row])
            yield row


def absent(wire: Wire, name: str, refs: Sequence[str]) -> list[str]:
    """Those of the references that the base has no object for."""
    found = by_refs(wire, name, "Ref_Key", refs, ["Ref_Key"])
    there = {values.ref(row.get("Ref_Key")) for row in found}
    return [one for one in refs if one not in there]


def _check_keys(name: str, keys: Mapping[str, str], found: Sequence[Row]) -> None:
    """Every row has its whole key: what follows relies on it."""
    for row in found:
        for key, kind in keys.items():
            value = row.get(key)
            if value is None or (kind == "Edm.Guid" and not values.is_guid(value)):
                raise PayloadError(f"в строке {name} нет ключа {key}")


def _page(wire: Wire, name: str, query: Mapping[str, str], size: PageSize) -> list[Row]:
    broken = 0
    while True:
        asked = {**query, "$top": str(size.rows), **JSON}
        try:
            kind, body = wire.rows_reply(name, asked)
        except TooMuch:
            if size.too_much():
                continue
            raise
        except RetryLater as error:
            broken += 1
            # One connection out of hundreds may break: a page is asked for again, a run is not.
            if error.detail == "transport" and broken < PAGE_TRIES:
                continue
            raise
        found = list(rows_of(kind, [body]))
        size.saw(len(found), len(body))
        return found


def _after(keys: Mapping[str, str], last: Row) -> str:
    """The condition «behind this row» in the order of the key's parts."""
    alternatives, same = [], list[str]()
    for key, kind in keys.items():
        mark = values.literal(kind, last[key])
        alternatives.append(values.both(*same, f"{key} gt {mark}"))
        same.append(f"{key} eq {mark}")
    if len(alternatives) == 1:
        return alternatives[0]
    return values.any_of([f"({one})" for one in alternatives])
