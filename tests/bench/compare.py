"""`make bench-compare`: the last two runs of `make bench` side by side."""

from __future__ import annotations

import json
import sys

from tests.bench.runs import OUTCOME, comparison, run_folders


def main() -> int:
    """Show them; 1 when there are not two yet."""
    folders = run_folders()
    if len(folders) < 2:
        print("there are no two runs yet: make bench, change something, make bench")
        return 1
    outcomes = [json.loads((folder / OUTCOME).read_text("utf-8")) for folder in folders[-2:]]
    for word, outcome in zip(("before", "after"), outcomes, strict=True):
        about = ", ".join(f"{what} {value}" for what, value in outcome["machine"].items())
        print(f"{word:<6} {outcome['at']}: {about}")
        for name, reason in outcome["failed"].items():
            print(f"       !! {name} FAILED: {reason}")
    print(f"\n{comparison(*folders[-2:])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
