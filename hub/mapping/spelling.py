"""Two spellings of one row, and a document as rows laid over another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.mapping.model import ID_ROWS, KEEP, SECTIONS

FROM, FIELDS = "from", "fields"


def full(spec: Any) -> dict[str, Any]:
    """A row in its long spelling; a short one is its path."""
    return dict(spec) if isinstance(spec, Mapping) else {FROM: spec}


def steps_of(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The transforms of a long row as (name, argument)."""
    given = row.get("as")
    listed = given if isinstance(given, list) else [given] if given is not None else []
    found: list[tuple[str, Any]] = []
    for one in listed:
        if isinstance(one, Mapping):
            found += list(one.items())
        else:
            found.append((str(one), None))
    return found


def normal(spec: Any) -> Any:
    """A row in one spelling, so that two that mean the same are equal."""
    if spec is None:
        return None
    row = full(spec)
    if FROM in row and not isinstance(row[FROM], list):
        row[FROM] = [row[FROM]]
    if "as" in row:
        row["as"] = steps_of(row)
    if row.get("required") is False:
        del row["required"]
    if row.get("otherwise") == KEEP:
        del row["otherwise"]
    if FIELDS in row:
        row[FIELDS] = {name: normal(one) for name, one in row[FIELDS].items()}
    return row


def overlay_for(base: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The connection's own rows that turn the base document into the wanted one; {} for none.

    The opposite of `loader.overlay`: rows that are as in the base are left out, so that a newer
    base goes on reaching this connection.
    """
    if base is None:
        return dict(wanted)
    found: dict[str, Any] = {}
    for name in ID_ROWS:
        if normal(base.get(name)) != normal(wanted.get(name)):
            found[name] = wanted.get(name)
    for section in (FIELDS, *SECTIONS):
        old, new = base.get(section) or {}, wanted.get(section) or {}
        if old and not new and section in SECTIONS:
            found[section] = None
            continue
        changed = {
            target: new.get(target)
            for target in dict.fromkeys((*new, *old))
            if _differs(target, old.get(target), new.get(target))
        }
        if changed:
            found[section] = changed
    return found


def _differs(target: str, old: Any, new: Any) -> bool:
    return bool(old != new) if target == "when" else bool(normal(old) != normal(new))
