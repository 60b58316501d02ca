"""Workers that listen for rings between their jobs: a job's start costs more than most drains.

The worker whose drain has ended stays in its job for a while and waits at a list in Redis. Who
rings puts a connection's id there when somebody waits, or else enqueues a job, as without this
module; so the two never wait for each other:

* what is rung for while a listener works on that very connection is told to it: nobody else could
  take it up, and it looks again before it waits;
* a listener leaves as soon as a job waits in its queue, and is nudged when one comes;
* one that dies is believed to wait for two seconds more, or until a worker starts on its machine,
  which takes over what was told to it; the sweep rings again for what nobody hears;
* one whose time is over makes jobs of what was told and not heard.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from hub.living import is_gone

#: How long a job stays and listens. Well below its time-out: the last drain may take seconds.
LISTEN_SECONDS = 30.0
#: How long a listener waits before it says again that it is there.
WAIT_SECONDS = 1
#: How long a listener is believed to be at work on one connection; longer drains ring for jobs.
BUSY_SECONDS = 2
WAITING, RINGS = "uzel:listening", "uzel:rings"
NUDGE = 0

#: 1: told; 0: the bell sounds already; -1: nobody waits, and the bell is set for a job.
_TELL = """
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then return 0 end
if redis.call('ZCOUNT', KEYS[2], redis.call('TIME')[1], '+inf') > redis.call('LLEN', KEYS[3]) then
  redis.call('RPUSH', KEYS[3], ARGV[2])
  return 1
end
local busy = redis.call('GET', KEYS[1] .. ':at')
if busy then
  redis.call('RPUSH', KEYS[3] .. ':' .. busy, ARGV[2])
  redis.call('EXPIRE', KEYS[3] .. ':' .. busy, 60)
  return 1
end
return -1
"""
_WAIT = """
redis.call('DEL', KEYS[3])
if redis.call('LLEN', KEYS[2]) > 0 then return 0 end
redis.call('ZADD', KEYS[1], redis.call('TIME')[1] + 2, ARGV[1])
return 1
"""
_NUDGE = """
if redis.call('ZCOUNT', KEYS[1], redis.call('TIME')[1], '+inf') > 0 then
  redis.call('RPUSH', KEYS[2], ARGV[1])
end
"""
_LEAVE = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
local left = redis.call('LRANGE', KEYS[3], 0, -1)
redis.call('DEL', KEYS[3])
if redis.call('ZCARD', KEYS[1]) > 0 then return left end
for _, one in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do table.insert(left, one) end
redis.call('DEL', KEYS[2])
return left
"""
log = logging.getLogger(__name__)


class Listening:
    """The listeners of the live queue, as one process sees them."""

    def __init__(self, redis: Redis, patient: Callable[[], Redis], queue_key: str) -> None:
        """`patient` gives a connection that may block; `queue_key` is RQ's list of waiting jobs."""
        self._redis, self._patient, self._queue_key = redis, patient, queue_key
        self._tell = redis.register_script(_TELL)
        self._wait = redis.register_script(_WAIT)
        self._nudge = redis.register_script(_NUDGE)
        self._leave = redis.register_script(_LEAVE)
        self._patient_redis: Redis | None = None
        #: Only a worker process listens; a job that is carried out elsewhere just ends.
        self.is_open = False
        #: Says whose work this listener did last.
        self._busy = f"{RINGS}:nobody"

    @property
    def _name(self) -> str:
        return f"{socket.gethostname()}-{os.getpid()}"

    @property
    def _own(self) -> str:
        """The list by which this listener alone is woken."""
        return f"{RINGS}:{self._name}"

    def tell(self, bell_key: str, ring_seconds: int, connection_id: int) -> bool | None:
        """Ring to a listener: True when told, False when the bell sounds already, None when nobody
        listens: then the bell is set, and its job is to be enqueued. RedisError when Redis is away.
        """
        keys = [bell_key, WAITING, RINGS]
        told = self._tell(keys=keys, args=[ring_seconds, connection_id])
        return None if told == -1 else told == 1

    def nudge(self) -> None:
        """A job was enqueued: a listener should leave for it. RedisError when Redis is away."""
        self._nudge(keys=[WAITING, RINGS], args=[NUDGE])

    def count(self) -> int:
        """How many rings wait to be heard. RedisError when Redis is away."""
        told: Any = self._redis.llen(RINGS)
        return int(told)

    def heard(self, bell_key: str) -> None:
        """Clear a bell, and be believed at work. RedisError when Redis is away."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.delete(bell_key)
        pipe.zrem(WAITING, self._name)
        if self.is_open:
            self._busy = f"{bell_key}:at"
            pipe.set(self._busy, self._name, ex=BUSY_SECONDS)
        pipe.execute()

    def listen(self, work: Callable[[int], None], seconds: float = LISTEN_SECONDS) -> None:
        """Do `work` for every connection that is rung for, until the time is over, a job waits,
        the process is told to stop or Redis goes away."""
        until = time.monotonic() + seconds
        try:
            while self.is_open and time.monotonic() < until:
                keys = [WAITING, self._queue_key, self._busy]
                if not self._wait(keys=keys, args=[self._name]):
                    return
                connection_id = self._next()
                if connection_id:
                    work(connection_id)
        except RedisError as error:
            log.info("redis is away: %s", error)

    def _next(self) -> int:
        """The next connection rung for; 0 when none was for a moment, or to look round."""
        if self._patient_redis is None:
            self._patient_redis = self._patient()
        told: Any = self._patient_redis.blpop([RINGS, self._own], timeout=WAIT_SECONDS)
        return int(told[1]) if told else NUDGE

    def leave(self) -> list[int]:
        """Listen no longer; returns what was told and nobody is left to hear."""
        try:
            left: Any = self._leave(keys=[WAITING, RINGS, self._own], args=[self._name])
        except RedisError as error:
            log.info("redis is away: %s", error)
            return []
        return sorted({int(one) for one in left} - {NUDGE})

    def take_over(self, bell_prefix: str) -> list[int]:
        """Forget the listeners of this machine that died; returns the ids whose bells still sound:
        those were told to, and nobody else will hear it. RedisError when Redis is away."""
        waiting: Any = self._redis.zrange(WAITING, 0, -1)
        for name in waiting:
            if is_gone(name.decode()):
                self._redis.zrem(WAITING, name)
        sounding = set()
        for key in self._redis.scan_iter(match=f"{bell_prefix}*", count=1000):
            text = key.decode().removeprefix(bell_prefix)
            if text.isdigit():
                sounding.add(int(text))
            elif text.endswith(":at"):
                holder: Any = self._redis.get(key)
                if is_gone((holder or b"").decode()):
                    self._redis.delete(key)
        return sorted(sounding)

    def stop(self) -> None:
        """Told to end, in a signal's handler: listen no longer, and wake up if waiting."""
        self.is_open = False
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.rpush(self._own, NUDGE)
            pipe.expire(self._own, WAIT_SECONDS * 2)
            pipe.execute()
        except RedisError as error:
            log.info("redis is away: %s", error)
