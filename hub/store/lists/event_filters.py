"""By what events are listed, counted and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class EventFilters:
    """What to list. An empty field does not filter; `until` is exclusive."""

    connection: str = ""
    status: str = ""
    type: str = ""
    error_code: str = ""
    key: str = ""
    since: datetime | None = None
    until: datetime | None = None
    #: The beginning of the error's message: what a dead-letter group has in common.
    error_message: str = ""
    #: An entity that the event changed, and which record of it.
    entity: str = ""
    record_id: int | None = None
    #: What stands somewhere in the body.
    text: str = ""
    #: A JMESPath over the body, and the value it must give (empty: any).
    path: str = ""
    equals: str = ""

    @property
    def looks_inside(self) -> bool:
        """Whether bodies must be read to tell."""
        return bool(self.text or self.path)

    def as_dict(self) -> dict[str, Any]:
        """The set fields as JSON values."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in found.items()
            if value not in ("", None)
        }


def filters_from(kept: Mapping[str, Any]) -> EventFilters:
    """The filters that `as_dict` wrote down."""
    known = {one.name for one in fields(EventFilters)}
    values = {name: value for name, value in kept.items() if name in known}
    for name in ("since", "until"):
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    return EventFilters(**values)
