"""One thread of a process hears the news and passes them on to its streams.

Redis away: the journal of changes is looked at every few seconds instead, while anybody listens.
Redis back, or the hub restarted: one look for what was missed. And one every fifteen seconds, for
news that a worker did not live to tell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from hub.news import TOPICS, Topics, add, hear, plain
from hub.queues import queues_for
from hub.store.lists import journal
from hub.store.store import Store
from hub.web.live.broadcast import Broadcaster
from hub.web.live.wire import message

LOOK_SECONDS: Final = 15.0
#: The topic of users one of whose sessions has ended: their streams must prove theirs anew.
SESSIONS: Final = "sessions"
AWAY_SECONDS: Final = 3.0
#: Entries of PostgreSQL are seen in the order of their commits, not of their ids.
OVERLAP: Final = 200
MOST_ENTRIES: Final = 1000
#: For whom news of a topic are meant besides: (topic, function of store and ids → ids by user).
Audience = Callable[[Store, list[int]], dict[int, list[int]]]
AUDIENCES: Final[dict[str, tuple[str, Audience]]] = {}
#: What is going on for a user at this moment, told to a stream when it is opened: (store, e-mail).
Present = Callable[[Store, str], list[int]]
PRESENT: Final[dict[str, Present]] = {}
log = logging.getLogger(__name__)


class Ears:
    """Hears for one process; starts when the first stream is opened."""

    def __init__(self, store: Store, streams: Broadcaster) -> None:
        self._store, self._streams = store, streams
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._someone = threading.Event()
        #: The journal's entries up to here are known, and those after it that were seen.
        self._place = 0
        self._is_placed = False
        self._seen: set[int] = set()
        #: When each record was last told of: the journal need not repeat it.
        self._told: dict[tuple[str, int], float] = {}
        self._looked = 0.0

    def open(self) -> None:
        """Hear from now on, for somebody listens."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="ears")
                self._thread.start()
        self._someone.set()

    @property
    def stamp(self) -> int:
        """How far the journal is known to have been told."""
        return self._place

    def _run(self) -> None:
        while True:
            self._someone.wait()
            try:
                if not self._is_placed:
                    self._begin()
                self._hear()
            except RedisError as error:
                log.info("redis is away: %s", type(error).__name__)
            except SQLAlchemyError as error:
                log.warning("the journal cannot be read: %s", type(error).__name__)
            except Exception:
                log.exception("news could not be passed on")
            time.sleep(AWAY_SECONDS)
            try:
                self._look_round()
            except SQLAlchemyError as error:
                log.warning("the journal cannot be read: %s", type(error).__name__)

    def _hear(self) -> None:
        """Pass on what is told until nobody listens any more."""
        is_first = True
        for told in hear(queues_for(self._store.settings).worker_connection()):
            if told:
                self.pass_on(told)
            if is_first or time.monotonic() - self._looked >= LOOK_SECONDS:
                self._look_round()
            is_first = False
            if not len(self._streams):
                self._someone.clear()
                if not len(self._streams):
                    self._is_placed = False
                    return
                self._someone.set()

    def _look_round(self) -> None:
        self._looked = time.monotonic()
        if len(self._streams):
            self._look()
            self._check_sessions()

    def pass_on(self, topics: Topics) -> None:
        """Send news to the streams: to all, and what is meant for some to those alone."""
        topics = dict(topics)
        if over := topics.pop(SESSIONS, []):
            # Whoever is still signed in elsewhere comes again at once.
            self._streams.part(lambda stream: stream.user_id in over)
        if not topics:
            return
        now = time.monotonic()
        self._told.update({(topic, one): now for topic, ids in topics.items() for one in ids})
        self._streams.send(message("news", topics, self._place))
        for name, (topic, find) in AUDIENCES.items():
            if ids := topics.get(topic):
                for user_id, own in find(self._store, ids).items():
                    self._streams.send(message("news", {name: own}, self._place), {user_id})

    def _begin(self) -> None:
        """Take the journal's end as known."""
        database = self._store.database
        self._place = journal.newest(database)
        start = max(0, self._place - OVERLAP)
        self._seen = {key for key, _, _ in journal.beyond(database, start, MOST_ENTRIES)}
        self._is_placed = True

    def _look(self) -> None:
        """Pass on what the journal holds and nobody told."""
        now = time.monotonic()
        self._told = {key: at for key, at in self._told.items() if now - at < 2 * LOOK_SECONDS}
        start = max(0, self._place - OVERLAP)
        entries = journal.beyond(self._store.database, start, MOST_ENTRIES)
        told: dict[str, set[int] | None] = {}
        if len(entries) >= MOST_ENTRIES:
            # Far behind, or much is going on: every part of every page looks again.
            add(told, dict.fromkeys(TOPICS.values(), ()))
            self._begin()
        else:
            for key, entity, record_id in entries:
                topic = TOPICS.get(entity, entity)
                if key not in self._seen and (topic, record_id) not in self._told:
                    add(told, {topic: [record_id]})
            self._place = max([self._place, *(key for key, _, _ in entries)])
            self._seen = {key for key, _, _ in entries if key > self._place - OVERLAP}
        if told:
            self.pass_on(plain(told))

    def _check_sessions(self) -> None:
        """Close the streams of sessions that have ended or whose role has changed."""
        marks = journal.sign_in_marks(self._store.database, self._streams.marks())
        self._streams.part(lambda stream: marks.get(stream.user_id) != stream.mark)
