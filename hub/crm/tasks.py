"""What people do with tasks: make, take, hand over, put off, finish, open again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.crm import edit
from hub.sdk.errors import Rejected
from hub.store.database import utc_now
from hub.store.store import Store

#: What a task can be about.
SUBJECTS = ("contact", "order", "lead", "deal", "call", "message")
MAX_TITLE = 500


@dataclass(frozen=True)
class Hand:
    """Who acts: as the audit log names them, their id, and whose tasks they may change.

    `tell`: the destinations that learn of it.
    """

    actor: str
    user_id: int | None
    #: None: anybody's.
    own: str | None = None
    tell: Sequence[int] = ()

    def may_change(self, task: Mapping[str, Any]) -> bool:
        """Their own, those of nobody, those they made; a head's and an admin's are all."""
        return self.own is None or task["manager"] in (None, "", self.own)


def make(store: Store, hand: Hand, fields: Mapping[str, Any]) -> int:
    """Make a task; returns its id. Rejected without a title or about what there is not."""
    title = str(fields.get("title") or "").strip()
    if not title:
        raise Rejected("a task needs a title")
    if fields.get("about_entity") and fields["about_entity"] not in SUBJECTS:
        raise Rejected("a task cannot be about this")
    wanted = {**fields, "title": title[:MAX_TITLE]}
    return edit.create_record(store, "task", wanted, hand.actor, hand.user_id, hand.tell)


def finish(store: Store, hand: Hand, task: Mapping[str, Any]) -> None:
    """It is done, by this person's word."""
    if task["done_at"] is None:
        _change(store, hand, task, word_of(utc_now(), hand.actor))


def reopen(store: Store, hand: Hand, task: Mapping[str, Any]) -> None:
    """It is not done after all; a talk from before does not close it again."""
    if task["done_at"] is not None:
        _change(store, hand, task, word_of(None, hand.actor))


def word_of(done_at: datetime | None, actor: str) -> dict[str, Any]:
    """The columns that say that a person called a task done, or not done."""
    if done_at is not None:
        return {"done_at": done_at, "done_by": actor}
    gone = dict.fromkeys(("done_at", "done_by", "closed_by_entity", "closed_by_id"))
    return {**gone, "reopened_at": utc_now()}


def hand_over(store: Store, hand: Hand, task: Mapping[str, Any], manager: str | None) -> None:
    """Give it to somebody, or to nobody."""
    _change(store, hand, task, {"manager": manager or None})


def put_off(store: Store, hand: Hand, task: Mapping[str, Any], due_at: datetime | None) -> None:
    """Another deadline, or none."""
    _change(store, hand, task, {"due_at": due_at})


def change(store: Store, hand: Hand, task: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Set what differs of its title, comment, deadline, manager, minutes of reminding."""
    news = {name: value for name, value in fields.items() if task.get(name) != value}
    if "title" in news and not str(news["title"] or "").strip():
        raise Rejected("a task needs a title")
    if news:
        _change(store, hand, task, news)


def _change(store: Store, hand: Hand, task: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    if not hand.may_change(task):
        raise Rejected("the task is a colleague's")
    edit.edit_record(store, "task", task["id"], fields, hand.actor, hand.user_id, hand.tell)
