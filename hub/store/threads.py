"""Conversations: messages that name one another, joined whatever order they arrive in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from sqlalchemy import Connection, select, update

from hub.store import bulk
from hub.store.models import message_refs, messages


def short_ref(message_id: str) -> str:
    """A Message-ID as a key: long ones, which no index takes, by their digest."""
    if len(message_id) <= 200:
        return message_id
    return "sha256:" + hashlib.sha256(message_id.encode()).hexdigest()


class Threads:
    """Joins Message-IDs into conversations; a conversation's key is its smallest Message-ID."""

    def __init__(self, connection: Connection, undo: list[Callable[[], object]]) -> None:
        """`undo` gets what takes back each join, should the message turn out not to be stored."""
        self._connection, self._undo = connection, undo
        self._keys: dict[str, str] = {}
        self._moved: dict[str, str] = {}

    def join(self, message_ids: Iterable[str]) -> str:
        """Declare that these belong together; returns the conversation's key."""
        refs = sorted({short_ref(item) for item in message_ids if item})
        if not refs:
            return ""
        unknown = [ref for ref in refs if ref not in self._keys]
        if unknown:
            query = select(message_refs.c.ref, message_refs.c.thread_key).where(
                message_refs.c.ref.in_(unknown)
            )
            for ref, key in self._connection.execute(query):
                self._keys[ref] = self.latest(key)
        olds = {self.latest(self._keys[ref]) for ref in refs if ref in self._keys}
        key = min(olds | set(refs))
        keys = {ref: self._keys.get(ref) for ref in refs}
        self._undo.append(partial(self._part, keys, olds - {key}))
        self._moved.update(dict.fromkeys(olds - {key}, key))
        self._keys.update(dict.fromkeys(refs, key))
        return key

    def _part(self, keys: Mapping[str, str | None], moved: Iterable[str]) -> None:
        """Take a join back."""
        for old in moved:
            del self._moved[old]
        for ref, key in keys.items():
            if key is None:
                del self._keys[ref]
            else:
                self._keys[ref] = key

    def latest(self, key: str) -> str:
        """What became of a conversation's key: another one, where conversations were joined."""
        while key in self._moved:
            key = self._moved[key]
        return key

    def flush(self) -> None:
        """Write the joined conversations."""
        for old in sorted(self._moved):
            new = self.latest(old)
            for table in (message_refs, messages):
                self._connection.execute(
                    update(table).where(table.c.thread_key == old).values(thread_key=new)
                )
        refs = [
            {"ref": ref, "thread_key": self.latest(key)} for ref, key in sorted(self._keys.items())
        ]
        bulk.insert_rows(
            self._connection,
            message_refs,
            ("ref", "thread_key"),
            refs,
            "ON CONFLICT (ref) DO UPDATE SET thread_key = excluded.thread_key",
        )
