"""Writing into 1C by OData so that what was meant is what is there.

1C answers 200 to a text it cuts, a field it does not know and a number it reads as 0; it takes a
reference to nothing; it keeps no versions. So an object is read again after it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors._protocols import odata_values as values
from connectors._protocols.odata_wire import Wire
from hub.sdk.errors import PayloadError, Rejected

Row = dict[str, Any]
_MISSING = object()


def create(wire: Wire, name: str, fields: Mapping[str, Any]) -> Row:
    """Make an object; returns what 1C says is stored, at least its `Ref_Key`."""
    found = wire.send("POST", name, body_of(fields))
    if not isinstance(found, dict) or not values.ref(found.get("Ref_Key")):
        raise Rejected(f"1С создала {name}, но не назвала его ключ")
    return found


def change(wire: Wire, name: str, ref: str, fields: Mapping[str, Any]) -> None:
    """Change an object's fields; table parts are replaced whole."""
    wire.send("PATCH", address(name, ref), body_of(fields))


def read(wire: Wire, name: str, ref: str) -> Row:
    """An object as it is now; NoSuchObject when there is none."""
    found = wire.get(address(name, ref))
    if not isinstance(found, dict):
        raise PayloadError(f"1С ответила на {name} не объектом")
    inner = found.get("value")
    one = inner[0] if isinstance(inner, list) and len(inner) == 1 else found
    return dict(one)


def address(name: str, ref: str) -> str:
    """The path of one object."""
    return f"{name}({values.guid(ref)})"


def body_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as JSON that 1C reads exactly; Rejected for a number it could not keep."""
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        found = float(value)
        if Decimal(repr(found)) != value:
            raise Rejected(f"число {value} точнее, чем умеет 1С")
        return found
    if isinstance(value, Mapping):
        return body_of(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def differences(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> list[str]:
    """What 1C holds otherwise than it was sent, in words; empty when all is as meant."""
    found = []
    for name, value in sent.items():
        kept = stored.get(name, _MISSING)
        if kept is _MISSING:
            found.append(f"реквизита «{name}» нет")
        elif isinstance(value, list | tuple):
            found += _table(name, value, kept)
        elif not same(value, kept):
            found.append(_told(name, value, kept))
    return found


def _table(name: str, sent: Sequence[Any], kept: Any) -> list[str]:
    if not isinstance(kept, list) or len(kept) != len(sent):
        count = len(kept) if isinstance(kept, list) else 0
        return [f"«{name}»: строк {count} вместо {len(sent)}"]
    found = []
    for number, (row, stored) in enumerate(zip(sent, kept, strict=True), start=1):
        found += [f"«{name}», строка {number}: {one}" for one in differences(row, stored)]
    return found


def _told(name: str, sent: Any, kept: Any) -> str:
    if isinstance(sent, str) and isinstance(kept, str) and sent.startswith(kept.rstrip()):
        return f"«{name}» обрезан: {len(kept.rstrip())} знаков из {len(sent)}"
    return f"«{name}»: {str(kept)[:60]!r} вместо {str(sent)[:60]!r}"


def same(sent: Any, kept: Any) -> bool:
    """Whether a stored value is the sent one: as numbers, references or texts without padding."""
    if isinstance(sent, bool) or isinstance(kept, bool):
        return sent is kept
    if isinstance(sent, int | Decimal | float):
        return values.number(kept) == values.number(sent)
    if sent is None or kept is None:
        return not values.words(sent or "") and not values.ref(kept)
    one, other = str(sent).strip(), str(kept).strip()
    return values.ref(one) == values.ref(other) if values.is_guid(other) else one == other
