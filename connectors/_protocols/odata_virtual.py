"""1C's virtual tables (Balance, SliceLast) and its change tracking by an exchange plan's node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors._protocols import odata_values as values
from connectors._protocols.odata_errors import BadFilter, NoSuchName
from connectors._protocols.odata_pages import rows
from connectors._protocols.odata_rows import rows_of
from connectors._protocols.odata_wire import JSON, Wire
from hub.sdk.errors import ConfigError, Rejected

Row = dict[str, Any]
#: How quotes inside a parameter are written: the vendor's examples leave them, others double them.
QUOTES: Final = ("auto", "plain", "doubled")


def call(name: str, function: str, arguments: Mapping[str, str], *, doubled: bool) -> str:
    """`Set/Function(Name='value',…)`; a condition's own quotes plain or doubled."""
    given = [
        f"{key}='{value.replace(chr(39), chr(39) * 2) if doubled else value}'"
        for key, value in arguments.items()
        if value
    ]
    return f"{name}/{function}({','.join(given)})"


def virtual_rows(
    wire: Wire,
    name: str,
    function: str,
    arguments: Mapping[str, str],
    query: Mapping[str, str] | None = None,
    quotes: str = "auto",
) -> Iterator[Row]:
    """The rows of a virtual table as they come. With `auto` a refused condition is written anew."""
    tried = {"auto": (False, True), "plain": (False,), "doubled": (True,)}[quotes]
    if not any("'" in value for value in arguments.values()):
        tried = tried[:1]
    for doubled in tried:
        found = rows(wire, call(name, function, arguments, doubled=doubled), query or {})
        try:
            first = next(found, None)
        except (BadFilter, NoSuchName, Rejected):
            if doubled is tried[-1]:
                raise
            continue
        if first is not None:
            yield first
            yield from found
        return


# Change tracking.


def received_no(wire: Wire, plan: str, node: str) -> int:
    """The number of the last message that this node has confirmed; ConfigError for no node."""
    row = wire.get(f"{plan}({values.guid(node)})", {"$select": "ReceivedNo"})
    found = values.number(row.get("ReceivedNo")) if isinstance(row, dict) else None
    if found is None:
        raise ConfigError(f"у узла {plan} нет номера принятого", place="settings.exchange_plan")
    return int(found)


def changed_rows(wire: Wire, plan: str, node: str, message_no: int) -> Iterator[Row]:
    """What changed since the last confirmed message: rows with `odata.type`, gone ones with
    `odata.deleted`. Until it is confirmed the next message repeats it."""
    query = _point(wire, plan, node, message_no)
    with wire.open("SelectChanges", query, method="POST") as reply:
        yield from rows_of(reply.headers.get("Content-Type", ""), wire.chunks(reply))


def confirm(wire: Wire, plan: str, node: str, message_no: int) -> None:
    """Tell the base that everything up to this message is saved; it forgets those changes."""
    query = _point(wire, plan, node, message_no)
    with wire.open("NotifyChangesReceived", query, method="POST", also=(202, 204)):
        return


def _point(wire: Wire, plan: str, node: str, message_no: int) -> dict[str, str]:
    return {
        "DataExchangePoint": f"'{wire.root}/{plan}({values.guid(node)})'",
        "MessageNo": str(message_no),
        **JSON,
    }
