"""What events a request means: the filters of a list, or the ones picked in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask import url_for

from hub.sdk.errors import Rejected
from hub.store.lists.event_filters import EventFilters
from hub.store.lists.paging import MAX_ID
from hub.store.lists.reports import day_start
from hub.store.replay_jobs import Selection
from hub.web.context import company_zone

#: The filters as they stand in an address.
NAMES = (
    "connection", "status", "type", "error_code", "error_message", "key", "since", "until",
    "entity", "record_id", "text", "path", "equals",
)  # fmt: skip
MAX_CHARACTERS = 200
MAX_PICKED = 1000


def filters_of(values: Mapping[str, str]) -> EventFilters:
    """The filters that stand in an address or a form; what cannot be read does not filter."""
    said = given(values)
    number = said.get("record_id", "")
    is_id = number.isdecimal() and int(number[:19]) <= MAX_ID
    return EventFilters(
        **{name: said.get(name, "") for name in _TEXTS},
        since=_moment(said.get("since", ""), ending=False),
        until=_moment(said.get("until", ""), ending=True),
        record_id=int(number) if is_id else None,
    )


_TEXTS = tuple(name for name in NAMES if name not in ("since", "until", "record_id"))


def given(values: Mapping[str, str]) -> dict[str, str]:
    """The filters that are set, as they were given."""
    found = {
        name: str(values.get(name, "")).replace("\0", "").strip()[:MAX_CHARACTERS] for name in NAMES
    }
    return {name: value for name, value in found.items() if value}


def selection(values: Any) -> Selection:
    """The events picked by their ids, else all that the filters leave. Rejected for neither."""
    ids = [int(one) for one in values.getlist("ids") if one.isdecimal() and len(one) < 19]
    if ids:
        if len(ids) > MAX_PICKED:
            raise Rejected("too many events are picked; use the filters instead")
        return Selection(ids=sorted(set(ids)))
    filters = filters_of(values)
    if filters == EventFilters():
        raise Rejected("pick events, or set at least one filter")
    return Selection(filters=filters)


def address_of(chosen: Selection) -> str:
    """The list of events that shows this selection; of picked ones the list as a whole."""
    if chosen.filters is None:
        return url_for("admin.events")
    kept = chosen.filters.as_dict()
    for name, ending in (("since", False), ("until", True)):
        if name in kept:
            moment = datetime.fromisoformat(kept[name]) - timedelta(minutes=ending)
            kept[name] = moment.astimezone(company_zone()).strftime("%Y-%m-%dT%H:%M")
    return url_for("admin.events", **kept)


def _moment(text: str, *, ending: bool) -> datetime | None:
    """A day or a minute of the company's clock; as an end it is the moment after."""
    try:
        if len(text) == len("2026-01-12"):
            day = date.fromisoformat(text)
            return day_start(day + timedelta(days=1) if ending else day, company_zone())
        moment = datetime.fromisoformat(text).replace(tzinfo=company_zone())
        return moment + timedelta(minutes=1) if ending else moment
    except (ValueError, OverflowError):
        return None
