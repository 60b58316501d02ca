"""The turns that destinations and sync runs have in the threads of this worker process."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from hub.flow import deliver as deliver_step
from hub.flow import errands, poll, replay_job
from hub.pool import Pool, Result
from hub.queues import BULK, CHORES, DELIVER, REPLAY, Paces, queues_for
from hub.store.store import Store

#: A destination gives way to the next one after this time, at the end of a call.
TURN_SECONDS = 5.0
#: `hub up` waits ten seconds for its processes.
STOP_SECONDS = 7.0
THREADS = {DELIVER: 16, BULK: 4, REPLAY: 2, CHORES: 1}
_pools: dict[str, Pool] = {}


def ask(store: Store, queue: str, key: int) -> None:
    """Ask for a turn of a destination or a run; one that has a turn keeps its bell silent."""
    system = poll.system_of(store, key) if queue == BULK else str(key)
    if system and _pool(store, queue).ask(key, system):
        queues_for(store.settings).taken(_bell(queue, key))


def finish(seconds: float = STOP_SECONDS) -> None:
    """End this process's turns, each after the call it is in; wait for that a bounded time."""
    until = time.monotonic() + seconds
    for pool in _pools.values():
        pool.stop(max(0.0, until - time.monotonic()))
    _pools.clear()


def _pool(store: Store, queue: str) -> Pool:
    """The threads of a queue: `workers.deliver_threads`, `workers.bulk_threads`. Asked for by the
    worker's own thread only."""
    if queue not in _pools:
        threads = max(1, int(store.settings.option(f"workers.{queue}_threads", THREADS[queue])))
        work: Callable[[int], Result] = partial(_WORK[queue], store)
        paces = Paces(queues_for(store.settings), queue)
        _pools[queue] = Pool(queue, threads, max(1, threads // 4), work, paces)
    return _pools[queue]


def _bell(queue: str, key: int) -> str:
    return f"{_BELLS[queue]}-{key}"


def _deliver(store: Store, destination_id: int) -> Result:
    queues, bell = queues_for(store.settings), _bell(DELIVER, destination_id)
    turn = deliver_step.turn(store, destination_id, TURN_SECONDS, _pool(store, DELIVER).is_stopping)
    if turn.resting:
        queues.hush(bell)
        return Result(slowest_seconds=turn.slowest_seconds)
    # A bell that sounded during the turn may tell of what its last look did not see.
    return Result(queues.taken(bell) or turn.more, turn.slowest_seconds)


def _sync(store: Store, run_id: int) -> Result:
    started = time.monotonic()
    status = poll.run_sync(store, run_id)
    return Result(False, time.monotonic() - started if status else None)


def _replay(store: Store, job_id: int) -> Result:
    return Result(replay_job.turn(store, job_id, TURN_SECONDS, _pool(store, REPLAY).is_stopping))


def _chores(store: Store, _: int) -> Result:
    errands.work(store, _pool(store, CHORES).is_stopping)
    return Result()


_WORK: dict[str, Callable[[Store, int], Result]] = {
    DELIVER: _deliver,
    BULK: _sync,
    REPLAY: _replay,
    CHORES: _chores,
}
_BELLS = {DELIVER: "deliveries", BULK: "run", REPLAY: "replay", CHORES: "chores"}
