"""The same targets led by coverage: atheris chooses which inputs to go on from.

Atheris is no dependency of the hub (it has wheels for few Pythons): `pip install atheris` first.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from random import Random

CORPUS = Path(".fuzz") / "corpus"
MAX_BYTES = 100_000


def explore(name: str, inputs: int, seed: int, seconds: int) -> int:
    """Fuzz one target until the inputs or seconds are used up, or something is found.

    Returns 2 when it cannot begin; otherwise atheris ends the process.
    """
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print("atheris is not installed: .venv/bin/pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["hub", "connectors"]):
        from tests.fuzz.target import all_targets
        from tests.fuzz.worker import trouble

        target = next((one for one in all_targets() if one.name == name), None)
        if target is None:
            print(f"no target is called {name}; --list names them", file=sys.stderr)
            return 2
        run = target.open()
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for blob in run.seeds:
        (folder / hashlib.sha256(blob).hexdigest()[:16]).write_bytes(blob)

    def one(blob: bytes) -> None:
        if error := trouble(run, blob):
            raise error

    def change(blob: bytes, max_size: int, number: int) -> bytes:
        mixed = Random(number)  # noqa: S311  # repeatable, not secret
        return run.mutate(blob, mixed)[:max_size]

    limits = [f"-atheris_runs={inputs}", f"-seed={seed}", f"-max_len={MAX_BYTES}"]
    limits += [f"-max_total_time={seconds}"] if seconds else []
    atheris.Setup(["fuzz", *limits, str(folder)], one, custom_mutator=change)
    atheris.Fuzz()
    return 0
