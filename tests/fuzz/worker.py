"""One process that fuzzes one target: inputs by number, each within its time and memory."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz.shrink import shrink
from tests.fuzz.target import Finding, Run, Target, TooLong, signature_of

#: More than this and twelve times its size for one input, in MB of resident memory, is a finding.
MEMORY_MB = 96
#: Inputs before memory is judged: modules and caches fill first.
WARM_UP = 300
SHRINK_SECONDS = 6.0
MAX_KINDS = 20


@dataclass
class Found:
    """A finding as it is reported: the smallest input that shows it."""

    kind: str
    index: int
    blob: bytes
    words: str
    count: int = 1


@dataclass
class Tally:
    """What a worker did."""

    inputs: int = 0
    seconds: float = 0.0
    grown_mb: float = 0.0
    found: dict[str, Found] = field(default_factory=dict)


def rss_mb() -> float:
    """The resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def peak_mb() -> float:
    """The most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooLong after so much processor time; waiting for others does not count."""

    def stop(_signal: int, _frame: Any) -> None:
        raise TooLong(f"more than {seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def trouble(run: Run, blob: bytes, *, alone: bool = False) -> BaseException | None:
    """What one input brings about; `alone` judges what was put off as well."""
    before = peak_mb()
    try:
        with limited(run.limit):
            run.check(blob)
            if alone:
                run.settle()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return error
    if peak_mb() - before > MEMORY_MB + 12 * len(blob) / 1e6:
        return Finding("memory", f"one input of {len(blob)} bytes took {peak_mb() - before:.0f} MB")
    return None


class Worker:
    """Runs the inputs `start` … `stop` of one target; `mark` is told each number before it runs."""

    def __init__(self, target: Target, seed: int, mark: Any = None) -> None:
        self.target, self.seed, self.mark = target, seed, mark
        self.tally = Tally()

    def work(self, start: int, stop: int, until: float = float("inf")) -> Tally:
        """Run; ends early at the monotonic moment `until`."""
        logging.disable(logging.CRITICAL)
        run = self.target.open()
        started, early = time.monotonic(), 0.0
        try:
            for index in range(start, stop):
                if self.mark is not None:
                    self.mark[0] = index
                self._one(run, index)
                self.tally.inputs += 1
                if self.tally.inputs == max(WARM_UP, (stop - start) // 5):
                    gc.collect()
                    early = rss_mb()
                if time.monotonic() > until or len(self.tally.found) >= MAX_KINDS:
                    break
            self._judge(run, stop - 1, b"", self._settled(run))
        finally:
            self.tally.seconds = time.monotonic() - started
            gc.collect()
            self.tally.grown_mb = rss_mb() - early if early else 0.0
            run.close()
        return self.tally

    def _one(self, run: Run, index: int) -> None:
        blob = run.case(self.target.name, self.seed, index)
        error = trouble(run, blob)
        if isinstance(error, Finding) and error.kind == "memory" and self.tally.inputs < WARM_UP:
            return
        self._judge(run, index, blob, error)

    @staticmethod
    def _settled(run: Run) -> BaseException | None:
        try:
            run.settle()
        except Exception as error:
            return error
        return None

    def _judge(self, run: Run, index: int, blob: bytes, error: BaseException | None) -> None:
        if error is None:
            return
        kind = signature_of(error)
        if kind in self.tally.found:
            self.tally.found[kind].count += 1
            return
        if isinstance(error, Finding) and error.blob is not None:
            blob = error.blob
        self.tally.found[kind] = Found(kind, index, blob, _words(error))

        def shows(smaller: bytes) -> bool:
            again = trouble(run, smaller, alone=True)
            return again is not None and signature_of(again) == kind

        if not isinstance(error, TooLong) and kind != "memory":
            self.tally.found[kind].blob = shrink(blob, shows, SHRINK_SECONDS)


def _words(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error, limit=-6)).strip()
    return text if len(text) < 4000 else text[:1500] + "\n…\n" + text[-2500:]
