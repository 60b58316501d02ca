"""The way of one event in steps: when each was, how long it took, how it ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from hub.flow.inspect import EventView

_SIGNATURE = re.compile(r"sign|hmac|digest", re.IGNORECASE)
DONE, FAILED, WAITING, SKIPPED = "done", "failed", "waiting", "skipped"


@dataclass(frozen=True)
class Step:
    """A step of the way. `took_ms` is None where nothing was measured."""

    title: str
    state: str
    at: datetime | None = None
    took_ms: float | None = None
    note: str = ""


def steps(
    event: dict[str, Any],
    view: EventView,
    deliveries: Sequence[dict[str, Any]],
    *,
    is_gone: bool = False,
) -> list[Step]:
    """Received, waited, parsed, mapped, stored, delivered.

    `is_gone`: the request is there no more, so nobody can say how it would be parsed now.
    """
    tries = event["attempt_list"]
    last = tries[-1] if tries else None
    found = [Step(_("Received"), DONE, event["received_at"])]
    found.append(_taken_up(event, tries[0] if tries else None))
    found += [] if is_gone else _read(view)
    found.append(_stored(event, last))
    if deliveries:
        found.append(_delivered(deliveries))
    return found


def _taken_up(event: dict[str, Any], first: dict[str, Any] | None) -> Step:
    if first is None:
        return Step(_("Taken up"), WAITING, note=_("no worker has taken it up yet"))
    waited = (first["started_at"] - event["received_at"]).total_seconds() * 1000
    return Step(_("Taken up"), DONE, first["started_at"], max(0.0, waited), _("waited"))


def _read(view: EventView) -> list[Step]:
    """Parse and map as they go now: the worker times an event as a whole."""
    if view.parse_error:
        return [Step(_("Parsed"), FAILED)]
    failed = any(one.error for one in view.records)
    now = _("measured now")
    return [
        Step(_("Parsed"), DONE, None, view.parse_ms, now),
        Step(_("Mapped"), FAILED if failed else DONE, None, view.map_ms, now),
    ]


def _stored(event: dict[str, Any], last: dict[str, Any] | None) -> Step:
    states = {"done": DONE, "ignored": SKIPPED, "dead": FAILED}
    state = states.get(event["status"], WAITING)
    notes = {"ignored": _("nothing to keep"), "waiting": _("waits for the next try")}
    took = float(last["duration_ms"]) if last else None
    note = notes.get(event["status"], _("from parsing to storing, with its batch"))
    return Step(_("Stored"), state, event["finished_at"], took, note if last else "")


def _delivered(deliveries: Sequence[dict[str, Any]]) -> Step:
    statuses = {one["status"] for one in deliveries}
    state = FAILED if "dead" in statuses else DONE if statuses == {"delivered"} else WAITING
    ends = [one["finished_at"] for one in deliveries if one["finished_at"]]
    begun = min(one["changed_at"] for one in deliveries)
    if state != DONE or not ends:
        return Step(_("Delivered"), state)
    took = (max(ends) - begun).total_seconds() * 1000
    return Step(_("Delivered"), state, max(ends), max(0.0, took))


def signature_headers(headers: Iterable[Sequence[str]]) -> list[str]:
    """Names of the headers that prove who sent the request: they hold for this very body alone."""
    return [name for name, _value in headers if _SIGNATURE.search(name)]
