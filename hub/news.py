"""News: what changed, told to whoever has a page open. Kinds and ids only, and never the truth.

The worker that committed a batch tells once for all of it, from a thread of its own: no batch waits
for Redis. A telling that is lost is found by the listeners in the journal of changes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson
from redis import Redis
from redis.exceptions import RedisError

CHANNEL: Final = "uzel:news"
#: The topic that pages listen to, by entity.
TOPICS: Final[Mapping[str, str]] = {
    "contact": "clients",
    "company": "clients",
    "lead": "leads",
    "deal": "deals",
    "order": "orders",
    "product": "products",
    "call": "calls",
    "message": "messages",
    "task": "tasks",
}
#: Of a topic with more records than this only the topic is told.
MAX_IDS: Final = 100
#: Rest after a telling; what comes meanwhile is told at once afterwards, as one.
REST_SECONDS: Final = 0.1
#: How long one look for news waits before it says that there were none.
QUIET_SECONDS: Final = 5.0
Topics = dict[str, list[int]]
log = logging.getLogger(__name__)


def add(told: dict[str, set[int] | None], topics: Mapping[str, Iterable[int]]) -> None:
    """Lay news upon others; None stands for «more than it pays to name»."""
    for topic, ids in topics.items():
        known = told.setdefault(topic, set())
        if known is None:
            continue
        wanted = set(ids)
        if not wanted or len(known) + len(wanted) > MAX_IDS:
            told[topic] = None
        else:
            known |= wanted


def plain(told: Mapping[str, set[int] | None]) -> Topics:
    """The news as they go on the wire: an empty list where there were too many to name."""
    return {topic: sorted(ids or ()) for topic, ids in told.items()}


class News:
    """The news of one hub, as one process tells and hears them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._told: dict[str, set[int] | None] = {}
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def tell(self, topics: Mapping[str, Iterable[int]]) -> None:
        """Tell of changed records, by topic; returns at once. No ids: the topic as a whole."""
        with self._condition:
            add(self._told, topics)
            if not self._told:
                return
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, daemon=True, name="news")
                self._thread.start()
            self._condition.notify()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._told)
                told, self._told = self._told, {}
            try:
                self._redis.publish(CHANNEL, orjson.dumps(plain(told)))
            except RedisError as error:
                # The listeners look into the journal themselves now.
                log.info("news were not told: %s", type(error).__name__)
            time.sleep(REST_SECONDS)


def hear(redis: Redis) -> Iterator[Topics | None]:
    """News as they come, None when there were none for a while. RedisError when Redis goes away.

    The first None comes once the subscription stands: what is told from then on is heard.
    """
    with redis.pubsub(ignore_subscribe_messages=False) as pubsub:  # type: ignore[no-untyped-call]  # redis leaves it untyped
        pubsub.subscribe(CHANNEL)
        while True:
            message: Any = pubsub.get_message(timeout=QUIET_SECONDS)
            if message is None or message["type"] != "message":
                yield None
                continue
            yield read(message["data"])


def read(data: bytes) -> Topics | None:
    """A message off the wire; None for what is none of ours."""
    try:
        found = orjson.loads(data)
        return {str(topic): [int(one) for one in ids][:MAX_IDS] for topic, ids in found.items()}
    except (ValueError, TypeError, AttributeError):
        return None
