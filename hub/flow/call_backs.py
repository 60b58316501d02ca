"""After upsert, in its transaction: the tasks that the batch's calls ask for or answer.

Tasks are derived anew from the stored calls of the numbers concerned, so that neither the order
nor the repetition of a call's events matters; see hub/crm/call_backs.py for the rule and
decision 0031. A batch without such calls costs nothing, one with answered calls only one look.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from hub.crm import call_backs, timeline
from hub.crm.call_backs import MISSED, Episode, Mark
from hub.crm.calls import client_number
from hub.crm.task_rules import TaskRules, letter_span, task_rules, within
from hub.flow import tell
from hub.flow.sinks import Sink, sinks_for
from hub.flow.upsert import Upsert
from hub.sdk.errors import HubError
from hub.settings import Settings
from hub.store import call_backs as stored
from hub.store import letters
from hub.store.database import utc_now
from hub.store.outbox import Duty
from hub.store.store import Store
from hub.store.working_set import WorkingSet

KIND = "call_back"
#: After so long without a word a call told of in legs is over.
QUIET = timedelta(seconds=60)
#: Columns that follow the calls as long as no person set them.
_FREE = ("title", "manager", "due_at", "done_at")
log = logging.getLogger(__name__)


def concern(upsert: Upsert) -> bool:
    """Whether `settle` has anything to do for this batch."""
    return bool(upsert.numbers or upsert.ws.touched("message"))


def settle(store: Store, upsert: Upsert) -> None:
    """Bring call-backs and waiting letters in line with what the batch stored. After `flush`."""
    ws = upsert.ws
    if messages := ws.touched("message"):
        rows = [ws.row("message", one) for one in messages]
        keys = {ws.threads.latest(row["thread_key"]) for row in rows if row["thread_key"]}
        letters.settle_threads(ws.connection, keys, ws.now - letter_span(store.settings))
    if not upsert.numbers:
        return
    touched = [ws.row("call", one) for one in ws.touched("call")]
    told = {entry["record_id"]: entry for entry in ws.logged if entry["entity"] == "call"}
    work = _Settling(ws.connection, ws.now, store.settings, upsert.sinks, touched, told)
    ws.join_log(work.run(upsert.numbers))


def sweep(store: Store, after: datetime) -> datetime:
    """Calls told of leg by leg, of which nothing came for a while and no summary: they are over.

    Looks at calls changed after `after`, the answer of the last sweep. A call that rings at one
    desk after another looks missed between them, and makes no task until it is settled.
    """
    until = utc_now() - QUIET
    with store.database.read() as db:
        waiting = stored.unsettled(db, after, until)
    for configured in store.catalog.all():
        ids = [row["id"] for row in waiting if row["connection_id"] == configured.id]
        if not ids:
            continue
        with store.database.write() as db:
            stored.mark_settled(db, ids)
            ws = WorkingSet(db, utc_now())
            ws.preload_rows("call", ids)
            touched = [ws.row("call", one) for one in ids]
            numbers = {number for row in touched if (number := client_number(row))}
            sinks = sinks_for(configured, store.catalog.all())
            logged = _Settling(db, ws.now, store.settings, sinks, touched, {}).run(numbers)
        tell.batch(store, configured.id, logged)
    return until


def _rules(settings: Settings) -> TaskRules:
    """The company's rules; a mistake in hub.yml must not stop the calls themselves."""
    try:
        return task_rules(settings)
    except (HubError, ValueError, TypeError) as error:
        log.error("tasks in hub.yml cannot be used, the defaults are: %s", error)
        return task_rules(replace(settings, file={}))


@dataclass
class _Settling:
    db: Connection
    now: datetime
    settings: Settings
    sinks: Sequence[Sink]
    touched: Sequence[Mapping[str, Any]]
    #: The journal entry of each call of the batch: which event or run told of it.
    told: Mapping[int, Mapping[str, Any]]

    def run(self, numbers: set[str]) -> Sequence[Mapping[str, Any]]:
        """Settle these numbers; the journal entries of what was written."""
        self.since = since = self.now - within(self.settings)
        touched = [row for row in self.touched if (row["started_at"] or since) >= since]
        if not touched:
            return ()
        missed = {client_number(row) for row in touched if call_backs.kind_of(row) == MISSED}
        talks = {row["contact_id"] for row in touched if row["contact_id"]}
        ids = stored.lock_tasks(self.db, numbers, talks, since)
        if not (ids or missed):
            return ()
        self.rules = _rules(self.settings)
        self.ws = WorkingSet(self.db, self.now)
        self.ws.preload_rows("task", ids)
        others = {self.ws.row("task", one)["number"] for one in ids} - numbers
        if others:
            ids = [*{*ids, *stored.lock_tasks(self.db, others, (), since)}]
            self.ws.preload_rows("task", ids)
        tasks = [self.ws.row("task", one) for one in ids]
        self._derive({one for one in missed if one} | {task["number"] for task in tasks}, tasks)
        self.ws.flush()
        return self.ws.logged

    def _derive(self, numbers: set[str], tasks: Sequence[Mapping[str, Any]]) -> None:
        begun = [task["first_missed_at"] for task in tasks if task["first_missed_at"]]
        clients = {task["contact_id"] for task in tasks}
        clients |= {row["contact_id"] for row in self.touched if client_number(row) in numbers}
        clients.discard(None)
        found = stored.latest_calls(self.db, numbers, clients, min([self.since, *begun]))
        self.ws.preload_rows("contact", clients)
        mine = stored.by_number(tasks)
        own: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for call in found:
            own[client_number(call) or ""].append(call)
        for number in sorted(numbers):
            calls = own[number]
            people = {row["contact_id"] for row in (*calls, *mine.get(number, ()))} - {None}
            spoken = [
                row
                for row in found
                if row["contact_id"] in people
                and row["status"] == "answered"
                and client_number(row) != number
            ]
            self._number(number, [*calls, *spoken], mine.get(number, []))

    def _number(
        self, number: str, calls: list[Mapping[str, Any]], tasks: Sequence[Mapping[str, Any]]
    ) -> None:
        live = [task for task in tasks if not task["deleted_at"]]
        ended = [
            Mark(task["done_at"], "done", f"task:{task['id']}", task)
            for task in live
            if task["done_at"] and _is_set_by_person(task, "done_at")
        ]
        reopened = [
            (task["first_missed_at"], task["reopened_at"]) for task in live if task["reopened_at"]
        ]
        marks = [mark for call in calls if (mark := call_backs.mark_of(call)) is not None]
        wanted = call_backs.episodes(
            marks, ended, reopened, attempt_closes=self.rules.attempt_closes
        )
        pairs, left = call_backs.paired(wanted, tasks)
        for task in left:
            self._withdraw(task)
        for episode, kept in pairs:
            if kept is not None or episode.last.at >= self.since:
                self._write(number, episode, kept)

    def _withdraw(self, task: Mapping[str, Any]) -> None:
        """The call was answered after all: nobody need be called back."""
        if task["deleted_at"]:
            return
        self.ws.change("task", task["id"], {"deleted_at": self.ws.now})
        self.ws.leave("task", task["id"])
        self._log(task["id"], "deleted", None, {"deleted_at": [None, self.ws.now]})
        self._owe(task["id"], "deleted")

    def _write(self, number: str, episode: Episode, task: Mapping[str, Any] | None) -> None:
        wanted = self._values(number, episode)
        before = task or {}
        news = {
            name: value
            for name, value in wanted.items()
            if before.get(name) != value
            and not (name in _FREE and task and _is_set_by_person(task, name))
        }
        if task is not None and task["done_at"] and _is_set_by_person(task, "done_at"):
            for name in ("closed_by_entity", "closed_by_id"):
                news.pop(name, None)
        if task is not None and task["done_at"]:
            # Whose it was when it was done stays.
            news.pop("manager", None)
        if task is not None and task["deleted_at"]:
            news["deleted_at"] = None
        if not news and task is not None:
            return
        told = self.told.get(episode.last.call["id"]) or next(iter(self.told.values()), {})
        origin = {"v": "", "at": self.ws.now.isoformat()}
        origin |= {key: told[name] for key, name in _TOLD if told.get(name)}
        origins = {**before.get("origins", {}), **dict.fromkeys(news, origin)}
        if task is None:
            first = episode.first.call
            record_id = self.ws.create("task", {"connection_id": first["connection_id"]})
        else:
            record_id = task["id"]
        self.ws.change("task", record_id, {**news, "origins": origins})
        shown = {name: [before.get(name), value] for name, value in news.items()}
        self._log(record_id, "updated" if task else "created", told, shown)
        self._enter(record_id, told)
        self._owe(record_id, "updated" if task else "created")

    def _values(self, number: str, episode: Episode) -> dict[str, Any]:
        last, first, end = episode.last.call, episode.first, episode.end
        contact_id = last["contact_id"]
        known = self.ws.row("contact", contact_id) if contact_id else {}
        rung = next(
            (mark.call["manager"] for mark in reversed(episode.missed) if mark.call["manager"]),
            None,
        )
        return {
            "kind": KIND,
            "number": number,
            "title": self.rules.title.replace("{number}", number),
            "contact_id": contact_id,
            "manager": known.get("manager") or self.rules.manager_of(last["line_number"], rung),
            "call_id": first.call["id"],
            "missed_count": len(episode.missed),
            "attempt_count": len(episode.tries),
            "first_missed_at": first.at,
            "last_missed_at": episode.last.at,
            "due_at": self.rules.hours.after(first.at, self.rules.call_back_minutes),
            "done_at": end.at if end else None,
            "closed_by_entity": "call" if end and end.kind != "done" else None,
            "closed_by_id": end.call["id"] if end and end.kind != "done" else None,
        }

    def _enter(self, record_id: int, told: Mapping[str, Any]) -> None:
        row = self.ws.row("task", record_id)
        if not row["contact_id"]:
            self.ws.leave("task", record_id)
            return
        self.ws.enter(
            "task",
            record_id,
            {
                "contact_id": row["contact_id"],
                "occurred_at": timeline.occurred_at("task", row, self.ws.now),
                "connection_id": row["connection_id"],
                "event_id": told.get("event_id"),
                "summary": timeline.summary("task", row),
            },
        )

    def _log(
        self, record_id: int, action: str, told: Mapping[str, Any] | None, fields: dict[str, Any]
    ) -> None:
        said = told or next(iter(self.told.values()), {})
        self.ws.log_change(
            {
                "entity": "task",
                "record_id": record_id,
                "action": action,
                "event_id": said.get("event_id"),
                "run_id": said.get("run_id"),
                "fields": fields,
            }
        )

    def _owe(self, record_id: int, action: str) -> None:
        for sink in self.sinks:
            if not sink.entities or "task" in sink.entities:
                self.ws.owe(
                    Duty(
                        sink.connection_id,
                        "task",
                        record_id,
                        f"task.{action}",
                        None,
                        action == "deleted",
                    )
                )


_TOLD = (("e", "event_id"), ("r", "run_id"))


def _is_set_by_person(task: Mapping[str, Any], name: str) -> bool:
    # Opened again it waits for another talk: a person's «not done» does not stand against that.
    is_word = name != "done_at" or task["done_at"] is not None
    return is_word and "u" in (task["origins"] or {}).get(name, {})
