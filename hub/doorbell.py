"""The gateway's doorbell: no sender waits for Redis.

A thread rings. While it has nothing else to do, whoever asks for a ring writes it to Redis himself,
without waiting, and the thread hears what came of it: a change of threads less before a worker
wakes (decision 0048).
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hub.queues import Queues, Ring

#: How long the thread rests after a ring; Redis being away is no reason to hurry.
REST_SECONDS: Final = {Ring.AWAY: 0.2, Ring.SOUNDING: 0.005, Ring.RUNG: 0.001}
#: Nobody has heard it so many times on end: its worker is busy for longer, or there is none.
UNHEARD, UNHEARD_REST_SECONDS = 4, 0.02
#: The thread looks so often whether Redis still owes an answer.
LOOK_SECONDS: Final = 5.0
log = logging.getLogger(__name__)


class Wire:
    """A connection to Redis on which one thread rings and another hears the answer."""

    def __init__(self, queues: Queues) -> None:
        """RedisError when Redis is away."""
        self._queues = queues
        # The one with time-outs: a Redis that hangs must not hold who connects to it.
        pool: Any = queues.redis.connection_pool
        self._connection = pool.make_connection()
        self._connection.connect()
        self._packed: dict[int, Any] = {}

    def send(self, connection_id: int) -> None:
        """Ring, without waiting for anything. RedisError when the wire is broken."""
        packed = self._packed.get(connection_id)
        if packed is None:
            command = self._queues.ring_command(connection_id)
            packed = self._packed[connection_id] = self._connection.pack_command(*command)
        self._connection.send_packed_command(packed, check_health=False)

    def answer(self, seconds: float) -> Any:
        """What Redis says next. RedisError when it says an error or the wire is broken, its
        TimeoutError when it says nothing for so long."""
        return self._connection.read_response(timeout=seconds, disconnect_on_error=False)

    def close(self) -> None:
        """Give the connection up."""
        self._connection.disconnect()


class Doorbell:
    """Rings for connections that have new events.

    After a ring it rests for a moment: what is asked for meanwhile becomes one ring. A bell that
    was sounding already has not been heard yet, so its drain will see the newest event anyway.
    """

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._wanted: set[int] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        #: While the thread waits at it: who asks for a ring may send it.
        self._wire: Wire | None = None
        #: Whose ring was sent, when its answer is not there yet; and since when.
        self._sent: int | None = None
        self._sent_at = 0.0

    def ring(self, connection_id: int) -> None:
        """Ask for a ring; returns at once. Several asks become one ring."""
        with self._condition:
            if self._wire is not None and self._sent is None and self._send(connection_id):
                return
            self._wanted.add(connection_id)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, daemon=True, name="doorbell")
                self._thread.start()
            self._condition.notify()

    def _send(self, connection_id: int) -> bool:
        assert self._wire is not None  # asked by the caller
        try:
            self._wire.send(connection_id)
        except (RedisError, OSError):
            # The thread finds the broken wire by itself.
            self._wire = None
            return False
        self._sent, self._sent_at = connection_id, time.monotonic()
        return True

    def _work(self) -> None:
        unheard, wire = 0, None
        while True:
            if wire is None and not self._wanted:
                wire = self._connected()
            rung = self._at_the_bell() if wire is None or self._wanted else self._at_the_wire(wire)
            if rung is None:
                wire = None
                continue
            unheard = unheard + 1 if rung is Ring.SOUNDING else 0
            time.sleep(UNHEARD_REST_SECONDS if unheard > UNHEARD else REST_SECONDS[rung])

    def _connected(self) -> Wire | None:
        try:
            return Wire(self._queues)
        except (RedisError, OSError) as error:
            log.info("redis is away: %s", error)
            return None

    def _at_the_bell(self) -> Ring:
        """Ring for whom it is wanted, once it is."""
        with self._condition:
            self._condition.wait_for(lambda: self._wanted)
            wanted, self._wanted = self._wanted, set()
        return min(self._queues.ring(connection_id) for connection_id in wanted)

    def _at_the_wire(self, wire: Wire) -> Ring | None:
        """What came of a ring that somebody sent; None when the wire is broken. A ring that got no
        answer is wanted again."""
        with self._condition:
            is_wanted = bool(self._wanted)
            self._wire = None if is_wanted else wire
        if is_wanted:
            return self._at_the_bell()
        answer = None
        try:
            answer = self._answer(wire)
        except Exception as error:
            # Redis's errors, and whatever a read meets when the one who sends closes what it reads.
            log.info("a ring was not answered: %r", error)
        with self._condition:
            self._wire, sent, self._sent = None, self._sent, None
            if sent is not None and answer is None:
                self._wanted.add(sent)
        if sent is None or answer is None:
            wire.close()
            return None
        return self._queues.hear(sent, answer)

    def _answer(self, wire: Wire) -> Any:
        while True:
            try:
                return wire.answer(LOOK_SECONDS)
            except RedisTimeoutError:
                with self._condition:
                    waited = time.monotonic() - self._sent_at
                    if self._sent is not None and waited > LOOK_SECONDS / 2:
                        raise
