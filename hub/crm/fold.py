"""How what a source says becomes part of a record: field by field, the newest version wins.

Each field remembers in `origins` the version that set it, so the same messages in any order, any
number of times, end in the same record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.store.database import same_json, sorted_json

#: The record-level origin: the newest version seen at all.
WHOLE = "*"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who says it and how new it is. Exactly one of event, run, user and delivery is set."""

    version: str
    at: datetime
    connection_id: int | None = None
    event_id: int | None = None
    run_id: int | None = None
    user_id: int | None = None
    digest: str = ""
    #: False: nobody says how new it is, the version is only the moment of a sync run.
    is_dated: bool = True
    #: A destination's own word, told in the receipt of this delivery.
    delivery_id: int | None = None

    def origin(self) -> dict[str, Any]:
        """The stamp as kept beside a field."""
        origin: dict[str, Any] = {"v": self.version, "at": self.at.isoformat()}
        for key, value in (
            ("d", self.digest),
            ("c", self.connection_id),
            ("e", self.event_id),
            ("r", self.run_id),
            ("u", self.user_id),
            ("dl", self.delivery_id),
        ):
            if value:
                origin[key] = value
        return origin


def digest_of(fields: Mapping[str, Any]) -> str:
    """A short digest that settles which of two equally new messages counts."""
    return hashlib.sha256(sorted_json(fields)).hexdigest()[:12]


def is_newer(stamp: Stamp, origin: Mapping[str, Any] | None) -> bool:
    """Whether this stamp may replace what `origin` set. A person's word stands."""
    if stamp.user_id or origin is None:
        return True
    if "u" in origin:
        return False
    if stamp.version != origin["v"]:
        return stamp.version > str(origin["v"])
    if stamp.event_id and stamp.event_id == origin.get("e"):
        # The same event again: its mapping may have been mended meanwhile.
        return True
    return stamp.digest >= str(origin.get("d", ""))


def fold(
    row: Mapping[str, Any], incoming: Mapping[str, Any], stamp: Stamp, *, keep_filled: bool = False
) -> dict[str, Any]:
    """Return the columns to change, `origins` among them; empty when nothing changes.

    `keep_filled` leaves a field alone when the incoming value is empty: a call that knows no name
    must not blank one. A stamp without a date that only confirms what is stored changes nothing.
    """
    origins: dict[str, Any] = dict(row.get("origins") or {})
    changed: dict[str, Any] = {}
    touched = False
    mine = stamp.origin() if incoming else {}
    says = (stamp.version, stamp.digest)
    for name, value in incoming.items():
        if keep_filled and value in (None, "", []):
            continue
        origin = origins.get(name)
        if not is_newer(stamp, origin):
            continue
        if not _same(row.get(name), value):
            changed[name] = value
        elif origin is not None and (not stamp.is_dated or _says(origin) == says):
            continue
        origins[name] = mine
        touched = True
    whole = origins.get(WHOLE)
    is_news = touched or stamp.is_dated
    if not stamp.user_id and (whole is None or (is_news and _says(whole) < says)):
        origins[WHOLE] = {"v": stamp.version, "d": stamp.digest}
        touched = True
    if touched:
        changed["origins"] = origins
    return changed


def fold_with_extra(
    row: Mapping[str, Any], fields: Mapping[str, Any], extra: Mapping[str, Any], stamp: Stamp
) -> dict[str, Any]:
    """Fold the columns and, by the same rule, each value that has no column of its own."""
    if not extra:
        return fold(row, fields, stamp)
    stored = row.get("extra") or {}
    view = {**row, **{f"extra.{name}": value for name, value in stored.items()}}
    given = {f"extra.{name}": value for name, value in extra.items()}
    changes = fold(view, {**fields, **given}, stamp)
    fresh = {name[6:]: changes.pop(name) for name in given if name in changes}
    if fresh:
        merged = {**stored, **fresh}
        changes["extra"] = {name: value for name, value in merged.items() if value is not None}
    return changes


def _says(origin: Mapping[str, Any]) -> tuple[str, str]:
    return str(origin["v"]), str(origin.get("d", ""))


def _same(stored: Any, value: Any) -> bool:
    if isinstance(stored, dict | list) or isinstance(value, dict | list):
        return same_json(stored, value)
    return bool(stored == value)


def is_stale(row: Mapping[str, Any], stamp: Stamp) -> bool:
    """Whether the record has already seen something newer than this."""
    whole = (row.get("origins") or {}).get(WHOLE)
    return whole is not None and _says(whole) > (stamp.version, stamp.digest)
