"""The long form: make soak SOAK="--database postgresql --kills 1000 --seed 7"."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys

from tests.soak.soak import Outcome, quiet, soak

DATABASES = ("sqlite", "postgresql")


def main(arguments: list[str]) -> int:
    """Run the soaks that were asked for; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, action="append", help="default: both")
    parser.add_argument("--kills", type=int, default=1000, help="kill -9 a database (1000)")
    parser.add_argument("--minutes", type=float, default=25, help="at most, a database (25)")
    parser.add_argument("--seed", type=int, help="repeats the script and the plan of a former run")
    given = parser.parse_args(arguments)
    seed = given.seed if given.seed is not None else secrets.randbelow(10_000)
    quiet()
    # Told to end, it still takes down what it set up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    broken = False
    for database in given.database or DATABASES:
        print(f"soak on {database}: seed {seed}, {given.kills} kills", flush=True)
        outcome = soak(database, seed, given.kills, given.minutes)
        show(outcome)
        broken = broken or bool(outcome.problems)
    return 1 if broken else 0


def show(outcome: Outcome) -> None:
    """Print what was done and what was found."""
    print(f"  killed with -9: {outcome.kills.total()}")
    for table in (outcome.kills, outcome.faults):
        print(*(f"    {name}: {count}" for name, count in table.most_common()), sep="\n")
    for fault, reason in outcome.skipped.items():
        print(f"  !!! SKIPPED: {fault}: {reason}")
    print("  answers to senders: " + ", ".join(f"{k} {n}" for k, n in outcome.answers.items()))
    for name, value in outcome.figures.items():
        print(f"  {name}: {value:.1f}" if value % 1 else f"  {name}: {value:.0f}")
    for problem in outcome.problems:
        print(f"  BROKEN: {problem}")
    verdict = "NOT AS PROMISED" if outcome.problems else "0 lost, 0 doubled, equal to a calm run"
    print(f"  {outcome.database}, seed {outcome.seed}: {verdict}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
