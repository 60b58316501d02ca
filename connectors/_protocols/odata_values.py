"""Literals and URLs of 1C's OData 3.0, and its values read back.

1C's own ways: `guid'…'`, years of four digits, no exponents, a space is `%20` and never `+`,
Cyrillic in UTF-8. Values come with fixed-length texts padded by spaces, Int64 as text, times
without a zone, year 1 for «no date» and the zero GUID for «no reference».
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from hub.sdk.errors import ConfigError

ZERO_REF: Final = "00000000-0000-0000-0000-000000000000"
#: Years that 1C means as «no date» and «never»; garbage such as 0209 lies before the first.
FIRST_YEAR, LAST_YEAR = 1900, 3999
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
#: What may stand unescaped in a path or a query of 1C.
_SAFE: Final = "$'(),=:@!*;/"


# Literals.


def is_guid(value: Any) -> bool:
    """Whether this is a GUID in standard form."""
    return isinstance(value, str) and bool(_GUID.match(value.strip().lower()))


def guid(value: str) -> str:
    """`guid'…'`; ConfigError for what is no GUID, so that nothing else gets into a filter."""
    if not is_guid(value):
        raise ConfigError(f"«{value}» — не GUID")
    return f"guid'{value.strip().lower()}'"


def text(value: str) -> str:
    """A text literal; quotes inside are doubled."""
    return "'" + value.replace("'", "''") + "'"


def moment(value: datetime, timezone: ZoneInfo) -> str:
    """`datetime'…'` in the base's own zone, to the second."""
    local = value.astimezone(timezone).replace(tzinfo=None, microsecond=0)
    return f"datetime'{local.isoformat()}'"


def literal(kind: str, value: Any) -> str:
    """A value as it came in a row of the Edm type `kind`, for the next filter."""
    if kind == "Edm.Guid":
        return guid(str(value))
    if kind == "Edm.DateTime":
        return f"datetime'{str(value)[:19]}'"
    if kind == "Edm.Boolean":
        return "true" if value in (True, "true") else "false"
    if kind in {"Edm.Int16", "Edm.Int32", "Edm.Int64"}:
        return str(int(value))
    if kind in {"Edm.Double", "Edm.Decimal"}:
        return plain_number(Decimal(str(value)))
    return text(str(value))


def plain_number(value: Decimal) -> str:
    """A number without an exponent."""
    return format(value, "f")


def any_of(conditions: list[str]) -> str:
    """Conditions joined by `or`."""
    return " or ".join(conditions)


def both(*conditions: str) -> str:
    """Conditions joined by `and`, empty ones left out."""
    given = [condition for condition in conditions if condition]
    return given[0] if len(given) == 1 else " and ".join(f"({one})" for one in given)


def url_of(path: str, query: Mapping[str, str]) -> str:
    """A path and its query, escaped the way 1C takes them."""
    escaped = quote(path, safe=_SAFE)
    pairs = [f"{quote(name, safe='$')}={quote(value, safe=_SAFE)}" for name, value in query.items()]
    return f"{escaped}?{'&'.join(pairs)}" if pairs else escaped


# Values.


def ref(value: Any) -> str:
    """A reference as lower-case GUID; empty for none."""
    found = str(value or "").strip().lower()
    return "" if found == ZERO_REF else found


def words(value: Any) -> str:
    """A text without its padding; empty for none."""
    return str(value).strip() if isinstance(value, str | int | Decimal) else ""


def number(value: Any) -> Decimal | None:
    """A number, whatever form it came in; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str | float):
        return None
    try:
        found = Decimal(re.sub(r"\s", "", str(value)).replace(",", "."))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def time_of(value: Any, timezone: ZoneInfo) -> datetime | None:
    """A time, aware, the base's own zone; None for 1C's empty date and what is no time."""
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    if not FIRST_YEAR <= found.year < LAST_YEAR:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone)


def tidy(row: Mapping[str, Any], timezone: ZoneInfo) -> dict[str, Any]:
    """A row without links, padding, empty dates and empty references; times carry their zone."""
    return {name: _tidy(name, value, timezone) for name, value in row.items() if "@" not in name}


_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\Z")


def _tidy(name: str, value: Any, timezone: ZoneInfo) -> Any:
    if isinstance(value, list):
        return [tidy(item, timezone) if isinstance(item, dict) else item for item in value]
    if not isinstance(value, str):
        return value
    found = value.strip()
    if name.endswith("_Key") or found == ZERO_REF:
        return ref(found)
    if _DATE.match(found):
        when = time_of(found, timezone)
        return when.isoformat() if when else ""
    return found
