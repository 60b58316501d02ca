"""Workers that listen for rings between their jobs: a job's start costs more than most drains.

The worker whose drain has ended stays in its job for a while and waits at a list of its own in
Redis. Who rings takes one that waits, notes at whose connection it is and puts the id there, all in
one step, or else enqueues a job, as without this module; so the two never wait for each other, and
the listener looks at once, with no word to Redis before it (decision 0046):

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
from collections.abc import Callable, Iterable, Iterator
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
#: How long what was told is kept for one that does not come to hear it.
TOLD_SECONDS = 60
WAITING, RINGS = "uzel:listening", "uzel:rings"
NUDGE = 0

#: 1: told; 0: the bell sounds already; -1: nobody waits, and the bell is set for a job. A listener
#: at work is told the id with a minus: its bell is to be cleared before the next look.
_TELL = """
local now, own = redis.call('TIME')[1], KEYS[3] .. ':'
local free = redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf', 'LIMIT', 0, 1)[1]
local told = ARGV[2]
if free then
  redis.call('ZREM', KEYS[2], free)
  redis.call('SET', KEYS[1] .. ':at', free, 'EX', ARGV[3])
else
  if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then return 0 end
  free = redis.call('GET', KEYS[1] .. ':at')
  if not free then return -1 end
  told = '-' .. told
end
redis.call('RPUSH', own .. free, told)
redis.call('EXPIRE', own .. free, ARGV[4])
return 1
"""
#: What was told meanwhile, its bell cleared; 0: nothing, the listener waits; nil: a job does.
_WAIT = """
if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end
if redis.call('LLEN', KEYS[2]) > 0 then return nil end
local told = tonumber(redis.call('LPOP', KEYS[4]) or 0)
if told ~= 0 then
  local bell = ARGV[2] .. string.format('%.0f', math.abs(told))
  if told < 0 then redis.call('DEL', bell) end
  redis.call('SET', bell .. ':at', ARGV[1], 'EX', ARGV[3])
  return math.abs(told)
end
redis.call('ZADD', KEYS[1], redis.call('TIME')[1] + 2, ARGV[1])
return 0
"""
_NUDGE = """
if redis.call('ZCOUNT', KEYS[1], redis.call('TIME')[1], '+inf') > 0 then
  redis.call('RPUSH', KEYS[2], ARGV[1])
end
"""
_LEAVE = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
if redis.call('ZCARD', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
local left, mine = redis.call('LRANGE', KEYS[3], 0, -1), {KEYS[4]}
redis.call('DEL', KEYS[3])
for _, told in ipairs(left) do
  table.insert(mine, ARGV[2] .. string.gsub(told, '-', '') .. ':at')
end
for _, at in ipairs(mine) do
  if redis.call('GET', at) == ARGV[1] then redis.call('DEL', at) end
end
return left
"""
log = logging.getLogger(__name__)


class Listening:
    """The listeners of the live queue, as one process sees them."""

    def __init__(
        self, redis: Redis, patient: Callable[[], Redis], queue_key: str, bells: str
    ) -> None:
        """`patient` gives a connection that may block; `queue_key` is RQ's list of waiting jobs;
        `bells` and a connection's id make the key of its bell."""
        self._redis, self._patient, self._queue_key = redis, patient, queue_key
        self._bells = bells
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

    def tell(self, connection_id: int, ring_seconds: int) -> bool | None:
        """Ring to a listener: True when told, False when the bell sounds already, None when nobody
        listens: then the bell is set, and its job is to be enqueued. RedisError when Redis is away.
        """
        return self.told(self._tell(*self._telling(connection_id, ring_seconds)))

    def tell_command(self, connection_id: int, ring_seconds: int) -> tuple[Any, ...]:
        """`tell` as words to Redis, for who cannot wait; its answer is for `told`. Until `tell` was
        called once, Redis may not know the script."""
        keys, given = self._telling(connection_id, ring_seconds)
        return ("EVALSHA", self._tell.sha, len(keys), *keys, *given)

    @staticmethod
    def told(answer: Any) -> bool | None:
        """What an answer to `tell_command` means, as `tell` says it."""
        return None if answer == -1 else answer == 1

    def _telling(self, connection_id: int, ring_seconds: int) -> tuple[list[str], list[int]]:
        keys = [f"{self._bells}{connection_id}", WAITING, RINGS]
        return keys, [ring_seconds, connection_id, BUSY_SECONDS, TOLD_SECONDS]

    def nudge(self) -> None:
        """A job was enqueued: a listener should leave for it. RedisError when Redis is away."""
        self._nudge(keys=[WAITING, RINGS], args=[NUDGE])

    def heard(self, connection_id: int) -> None:
        """Clear a bell, and be believed at work. RedisError when Redis is away."""
        bell = f"{self._bells}{connection_id}"
        pipe = self._redis.pipeline(transaction=False)
        pipe.delete(bell)
        if self.is_open:
            self._busy = f"{bell}:at"
            pipe.set(self._busy, self._name, ex=BUSY_SECONDS)
        pipe.execute()

    def listen(self, work: Callable[[int], None], seconds: float = LISTEN_SECONDS) -> None:
        """Do `work` for every connection that is rung for, until the time is over, a job waits,
        the process is told to stop or Redis goes away."""
        until = time.monotonic() + seconds
        try:
            while self.is_open and time.monotonic() < until:
                keys = [WAITING, self._queue_key, self._busy, self._own]
                told = self._wait(keys=keys, args=[self._name, self._bells, BUSY_SECONDS])
                if told is None:
                    return
                if connection_id := told or self._next():
                    self._busy = f"{self._bells}{connection_id}:at"
                    work(connection_id)
        except RedisError as error:
            log.info("redis is away: %s", error)

    def _next(self) -> int:
        """The next connection rung for; 0 when none was for a moment, or to look round."""
        if not self.is_open:
            return NUDGE
        if self._patient_redis is None:
            self._patient_redis = self._patient()
        told: Any = self._patient_redis.blpop([self._own, RINGS], timeout=WAIT_SECONDS)
        return int(told[1]) if told else NUDGE

    def leave(self) -> list[int]:
        """Listen no longer, be believed at work no longer; returns what was told and not heard."""
        keys = [WAITING, RINGS, self._own, self._busy]
        try:
            left: Any = self._leave(keys=keys, args=[self._name, self._bells])
        except RedisError as error:
            log.info("redis is away: %s", error)
            return []
        return _ids(left)

    def take_over(self) -> list[int]:
        """Forget the listeners of this machine that died; returns the ids that were told to them,
        and those whose bells still sound: nobody else will hear it. RedisError when Redis is away.
        """
        waiting: Any = self._redis.zrange(WAITING, 0, -1)
        for name in filter(_is_dead, waiting):
            self._redis.zrem(WAITING, name)
        return sorted({*self._untaken(), *self._sounding()})

    def _untaken(self) -> Iterator[int]:
        for key in self._redis.scan_iter(match=f"{RINGS}:*", count=1000):
            if is_gone(key.decode().removeprefix(f"{RINGS}:")):
                told: Any = self._redis.lrange(key, 0, -1)
                yield from _ids(told)
                self._redis.delete(key)

    def _sounding(self) -> Iterator[int]:
        for key in self._redis.scan_iter(match=f"{self._bells}*", count=1000):
            connection_id, _, at = key.decode().removeprefix(self._bells).partition(":")
            if at and not _is_dead(self._redis.get(key) or b""):
                continue
            if at:
                self._redis.delete(key)
            yield int(connection_id)

    def stop(self) -> None:
        """Told to end, in a signal's handler: listen no longer, and wake up if waiting."""
        self.is_open = False
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.rpush(self._own, NUDGE)
            pipe.expire(self._own, TOLD_SECONDS)
            pipe.execute()
        except RedisError as error:
            log.info("redis is away: %s", error)


def _ids(told: Iterable[bytes]) -> list[int]:
    return sorted({abs(int(one)) for one in told} - {NUDGE})


def _is_dead(name: Any) -> bool:
    return is_gone(name.decode())
