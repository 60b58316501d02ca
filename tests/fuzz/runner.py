"""Runs targets in processes of their own, so that a hang or a crash is a finding, not an end."""

from __future__ import annotations

import fnmatch
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.target import Target, all_targets
from tests.fuzz.worker import Found, Tally, Worker

#: Wall seconds without a new input after which a worker is taken for hung.
HANG_SECONDS = 90.0
#: Address space of one worker: what needs more fails with MemoryError, which is a finding.
ADDRESS_BYTES = 6 * 1024**3
MAX_RESTARTS = 5
_processes = multiprocessing.get_context("fork")


@dataclass
class Job:
    """One target with its share of the inputs."""

    target: Target
    inputs: int
    seconds: float
    tally: Tally = field(default_factory=Tally)
    restarts: int = 0
    next: int = 0
    process: Any = None
    pipe: Any = None
    mark: Any = None
    seen: tuple[int, float] = (-1, 0.0)


def jobs_for(
    inputs: int,
    pattern: str = "*",
    seconds: float = 0.0,
    processes: int = 2,
    *,
    light: bool = False,
) -> list[Job]:
    """The targets whose names fit, each with its share of the inputs and of the time."""
    chosen = [
        target
        for target in all_targets()
        if any(fnmatch.fnmatchcase(target.name, one) for one in pattern.split(","))
        and not (light and target.is_heavy)
    ]
    total = sum(target.weight for target in chosen) or 1
    share = seconds * processes / max(1, len(chosen)) if seconds else float("inf")
    return [Job(one, max(1, round(inputs * one.weight / total)), share) for one in chosen]


def run_jobs(
    jobs: Sequence[Job], seed: int, processes: int, report: Callable[[Job], None] | None = None
) -> list[Job]:
    """Run every job, so many at a time; `report` is called as each one ends."""
    waiting = sorted(jobs, key=lambda job: -job.inputs)
    active: list[Job] = []
    while waiting or active:
        while waiting and len(active) < processes:
            job = waiting.pop(0)
            _start(job, seed)
            active.append(job)
        for job in list(active):
            if _look_after(job, seed):
                active.remove(job)
                if report:
                    report(job)
        time.sleep(0.05)
    return list(jobs)


def _start(job: Job, seed: int) -> None:
    job.mark = _processes.RawArray("q", 1)
    job.mark[0] = job.next
    job.seen = (job.next, time.monotonic())
    job.pipe, far = _processes.Pipe(duplex=False)
    job.process = _processes.Process(target=_work, args=(job, seed, far), daemon=False)
    job.process.start()
    far.close()


def _work(job: Job, seed: int, pipe: Any) -> None:
    os.setpgrp()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    worker = Worker(job.target, seed, job.mark)
    until = time.monotonic() + job.seconds
    try:
        worker.work(job.next, job.inputs, until)
    finally:
        pipe.send(worker.tally)
        pipe.close()


def _look_after(job: Job, seed: int) -> bool:
    """Whether the job has ended. A hung or dead worker is a finding; another one goes on."""
    now = time.monotonic()
    if job.mark[0] != job.seen[0]:
        job.seen = (job.mark[0], now)
    tally: Tally | None = None
    if job.pipe.poll():
        try:
            tally = job.pipe.recv()
        except EOFError:
            tally = None
        job.process.join(30)
    elif job.process.is_alive():
        if now - job.seen[1] < HANG_SECONDS:
            return False
        job.process.kill()
        job.process.join()
    if tally is not None and job.process.exitcode == 0:
        _add(job.tally, tally)
        return True
    kind = "hang" if now - job.seen[1] >= HANG_SECONDS else f"died ({job.process.exitcode})"
    if tally is not None:
        _add(job.tally, tally)
        kind = "failed to open or close"
    _note_death(job, kind, seed)
    job.restarts += 1
    job.next = job.mark[0] + 1
    if job.restarts > MAX_RESTARTS or job.next >= job.inputs or tally is not None:
        return True
    _start(job, seed)
    return False


def _note_death(job: Job, kind: str, seed: int) -> None:
    index = int(job.mark[0])
    words = f"{kind} at input {index} of seed {seed}"
    job.tally.found.setdefault(kind, Found(kind, index, b"", words))


def _add(total: Tally, part: Tally) -> None:
    total.inputs += part.inputs
    total.seconds += part.seconds
    total.grown_mb = max(total.grown_mb, part.grown_mb)
    for kind, found in part.found.items():
        if kind in total.found:
            total.found[kind].count += found.count
        else:
            total.found[kind] = found
