"""Who is being called right now, and what each person should see of it.

A leg whose extension is somebody's rings at them alone. One that is nobody's (a queue, a group, an
unknown extension) concerns everybody whom the connection names, or else every manager.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from hub.crm.calls import MENU, legs
from hub.store import users
from hub.store.lists import calls as call_lists
from hub.store.store import Store

RINGING, TALKING, ENDED, MISSED, ELSEWHERE = "ringing", "talking", "ended", "missed", "elsewhere"
#: What is worth a card to somebody who has not seen one yet.
NEWS: Final = (RINGING, TALKING)
#: No phone rings and nobody waits longer; a call whose end was never told is over after this.
LONGEST_RING: Final = timedelta(minutes=10)
LONGEST_CALL: Final = timedelta(hours=3)


def state_for(row: Mapping[str, Any], email: str, group: Collection[str], now: datetime) -> str:
    """What a call is to this person now: one of the states above, empty when it is not theirs.

    `group`: the e-mails of those whom a leg without an owner concerns.
    """
    if row["direction"] not in ("in", None):
        return ""
    known = [leg for leg in legs(row["parts"] or {}) if leg["place"] != MENU]
    mine = [leg for leg in known if leg["manager"] == email]
    shared = [leg for leg in known if not leg["manager"]] if email in group else []
    if not mine and not shared:
        return ""
    if row["ended_at"] is not None:
        return _final(row, mine)
    talking = [leg for leg in known if leg["connected"] and not leg["ended"]]
    if any(leg["manager"] == email for leg in talking):
        return TALKING if now - talking[0]["connected"] < LONGEST_CALL else ""
    if talking:
        return ELSEWHERE
    if any(_rings(leg, now) for leg in mine):
        return RINGING
    at_others = any(_rings(leg, now) for leg in known if leg["manager"])
    return RINGING if not at_others and any(_rings(leg, now) for leg in shared) else ""


def _rings(leg: Mapping[str, Any], now: datetime) -> bool:
    began = leg["appeared"]
    return began is not None and leg["ended"] is None and now - began < LONGEST_RING


def _final(row: Mapping[str, Any], mine: Sequence[Mapping[str, Any]]) -> str:
    if any(leg["connected"] for leg in mine):
        return ENDED
    return ELSEWHERE if row["answered_at"] else MISSED


def concerned(row: Mapping[str, Any], group: Collection[str]) -> set[str]:
    """The e-mails of all who see, or may have seen, this call."""
    known = [leg for leg in legs(row["parts"] or {}) if leg["place"] != MENU]
    found = {leg["manager"] for leg in known if leg["manager"]}
    return found | set(group) if any(not leg["manager"] for leg in known) else found


class Ringing:
    """The calls that are going on, for one hub, as of one moment's users and settings."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._people = [one for one in users.list_users(store.database) if one.is_active]
        #: Roles that see every incoming call, not only their own.
        watching = store.settings.option("calls.shown_to", []) or []
        self._watchers = {one.email for one in self._people if one.role in watching}

    def group(self, row: Mapping[str, Any]) -> set[str]:
        """Whom a leg of this call concerns that is nobody's own."""
        configured = self._store.catalog.by_id(row["connection_id"] or 0)
        named = (configured.connection.settings.get("managers") or {}) if configured else {}
        mapped = {str(email).strip().lower() for email in named.values()}
        found = {one.email for one in self._people if one.email in mapped}
        everyone = {one.email for one in self._people if one.role == users.MANAGER}
        return found or everyone

    def state(self, row: Mapping[str, Any], email: str, now: datetime) -> str:
        """What this call is to this person now."""
        state = state_for(row, email, self.group(row), now)
        if state or email not in self._watchers:
            return state
        seen = [state_for(row, other, self.group(row), now) for other in self._emails(row)]
        return next((one for one in (RINGING, TALKING, MISSED, ENDED) if one in seen), "")

    def audience(self, ids: Sequence[int]) -> dict[int, list[int]]:
        """Which of these calls concern whom: ids of calls by user."""
        found: dict[int, list[int]] = {}
        for row in call_lists.of_calls(self._store.database, ids):
            if row["direction"] in ("in", None) and row["parts"]:
                emails = self._emails(row)
                for one in self._people:
                    if one.email in emails:
                        found.setdefault(one.id, []).append(row["id"])
        return found

    def going_on(self, email: str, now: datetime) -> dict[int, str]:
        """The calls that ring at this person or that they are in: state by id, the last first."""
        rows = call_lists.going_on(self._store.database, now - LONGEST_CALL)
        states = {row["id"]: self.state(row, email, now) for row in rows}
        return {key: state for key, state in states.items() if state in NEWS}

    def concerns(self, row: Mapping[str, Any], email: str) -> bool:
        """Whether this call rings, or rang, at this person."""
        return email in self._emails(row)

    def _emails(self, row: Mapping[str, Any]) -> set[str]:
        found = concerned(row, self.group(row))
        return found | self._watchers if found else found
