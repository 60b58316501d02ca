"""What a fuzz target is, and what counts as a finding."""

from __future__ import annotations

import importlib
import pkgutil
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.fuzz import targets

REPOSITORY_FILE = re.compile(r".*/((?:hub|connectors)/.*)")


class Finding(Exception):  # a finding, not an error of the fuzzer
    """The hub did what it must never do. `kind` tells findings apart; `blob` is whose it is."""

    def __init__(self, kind: str, detail: str = "", blob: bytes | None = None) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.blob = kind, blob


class TooLong(BaseException):  # nothing may catch it on the way
    """One input took more processor time than any input may."""


def nothing() -> None:
    """What a target without anything of its own does."""


@dataclass
class Run:
    """An opened target. `check` raises whatever must never happen for any input.

    `settle` ends a batch: what was put off is judged now.
    """

    seeds: Sequence[bytes]
    mutate: Callable[[bytes, Random], bytes]
    check: Callable[[bytes], object]
    settle: Callable[[], None] = nothing
    close: Callable[[], None] = nothing
    #: Processor seconds one input may take.
    limit: float = 4.0

    def case(self, target: str, seed: int, index: int) -> bytes:
        """The input with this number; the seeds come first, as they are."""
        if index < len(self.seeds):
            return self.seeds[index]
        random = Random(f"{target}:{seed}:{index}")  # noqa: S311  # repeatable, not secret
        return self.mutate(random.choice(self.seeds), random)


@dataclass(frozen=True)
class Target:
    """Something to fuzz. `weight` is its share of the inputs of a long run."""

    name: str
    open: Callable[[], Run]
    weight: float = 1.0
    #: Needs PostgreSQL or is otherwise slow to open: not in the short run.
    is_heavy: bool = field(default=False)


def all_targets() -> list[Target]:
    """Every target of every module in `targets`, by name."""
    found: list[Target] = []
    for module in pkgutil.iter_modules(targets.__path__):
        found += importlib.import_module(f"{targets.__name__}.{module.name}").targets()
    return sorted(found, key=lambda target: target.name)


def signature_of(error: BaseException) -> str:
    """What tells one finding from another: its kind, or the error's class and place."""
    if isinstance(error, Finding):
        return error.kind
    return f"{type(error).__name__} at {place_of(error)}"


def place_of(error: BaseException) -> str:
    """The last line of our own code that an error passed."""
    last = "?"
    for frame in traceback.extract_tb(error.__traceback__):
        found = REPOSITORY_FILE.match(frame.filename)
        if found and "/tests/" not in frame.filename:
            last = f"{found[1]}:{frame.lineno} {frame.name}"
    return last


def lines_after(blob: bytes) -> Iterator[bytes]:
    """The first line of an input and the rest."""
    first, _, rest = blob.partition(b"\n")
    yield first
    yield rest
