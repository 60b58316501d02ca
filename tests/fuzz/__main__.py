"""`make fuzz FUZZ="--inputs 1000000 --seed 7 --seconds 600"`: the long form, and replays.

Prints inputs, rate and memory of each target, and each finding with its smallest input and the
command that shows it again. Exit code 1 when there are findings.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path

from tests.fuzz.runner import Job, jobs_for, run_jobs
from tests.fuzz.target import all_targets
from tests.fuzz.worker import trouble

KEPT = Path(".fuzz")
#: Resident memory a target may gain between a fifth of its inputs and the end, in MB.
GROWTH_MB = 250


def main(arguments: list[str]) -> int:
    """Run; returns the exit code."""
    options = _options(arguments)
    if options.list:
        print("\n".join(target.name for target in all_targets()))
        return 0
    if options.replay:
        return _replay(Path(options.replay))
    if options.index is not None:
        return _replay_index(options.target, options.seed, options.index)
    if options.atheris:
        from tests.fuzz.coverage import explore

        return explore(options.target, options.inputs, options.seed, int(options.seconds))
    return _long(options)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("make fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many in total")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same inputs")
    parser.add_argument("--seconds", type=float, default=0, help="end after so long (0: no limit)")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--target", default="*", help="names with *, separated by commas")
    parser.add_argument("--light", action="store_true", help="leave out what needs PostgreSQL")
    parser.add_argument("--list", action="store_true", help="name the targets")
    parser.add_argument("--replay", help="run one kept input again: .fuzz/TARGET/FILE")
    parser.add_argument("--index", type=int, help="run one input of a target and seed again")
    parser.add_argument("--atheris", action="store_true", help="one target, led by coverage")
    return parser.parse_args(arguments)


def _long(options: argparse.Namespace) -> int:
    jobs = jobs_for(
        options.inputs, options.target, options.seconds, options.jobs, light=options.light
    )
    if not jobs:
        print(f"no target is called {options.target}; --list names them", file=sys.stderr)
        return 2
    print(f"seed {options.seed}, {sum(job.inputs for job in jobs)} inputs, {len(jobs)} targets")
    print(f"{'target':44} {'inputs':>9} {'inputs/s':>9} {'grew MB':>8} {'findings':>8}", flush=True)
    started = time.monotonic()

    def report(job: Job) -> None:
        _row(job)
        _tell(job, options.seed)

    run_jobs(jobs, options.seed, options.jobs, report)
    total = sum(job.tally.inputs for job in jobs)
    kinds = sum(len(job.tally.found) for job in jobs)
    seconds = time.monotonic() - started
    rate = total / max(seconds, 0.001)
    print(f"{total} inputs in {seconds:.0f} s ({rate:.0f}/s), {kinds} findings")
    return 1 if kinds or any(job.tally.grown_mb > GROWTH_MB for job in jobs) else 0


def _row(job: Job) -> None:
    tally = job.tally
    rate = tally.inputs / max(tally.seconds, 0.001)
    mark = "  ! memory" if tally.grown_mb > GROWTH_MB else ""
    print(
        f"{job.target.name:44} {tally.inputs:9} {rate:9.0f} {tally.grown_mb:8.0f}"
        f" {len(tally.found):8}{mark}",
        flush=True,
    )


def _tell(job: Job, seed: int) -> None:
    for found in job.tally.found.values():
        print(f"\n== {job.target.name}: {found.kind} ({found.count} times)\n{found.words}")
        command = f"--target {job.target.name} --seed {seed} --index {found.index}"
        if found.blob:
            folder = KEPT / job.target.name
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{hashlib.sha256(found.blob).hexdigest()[:12]}.bin"
            path.write_bytes(found.blob)
            print(f"smallest input ({len(found.blob)} bytes): {found.blob[:300]!r}")
            command = f"--replay {path}"
        print(f'again: make fuzz FUZZ="{command}"', flush=True)


def _replay(path: Path) -> int:
    return _once(path.parent.name, path.read_bytes())


def _replay_index(name: str, seed: int, index: int) -> int:
    target = next(one for one in all_targets() if one.name == name)
    run = target.open()
    try:
        blob = run.case(name, seed, index)
    finally:
        run.close()
    print(f"{len(blob)} bytes: {blob[:300]!r}")
    return _once(name, blob)


def _once(name: str, blob: bytes) -> int:
    target = next(one for one in all_targets() if one.name == name)
    run = target.open()
    try:
        error = trouble(run, blob, alone=True)
    finally:
        run.close()
    if error is None:
        print("nothing is wrong with it any more")
        return 0
    raise error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
