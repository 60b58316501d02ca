"""Changing a module inside a hub's real processes; see grafts/sitecustomize.py."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "grafts"


def environment(**grafts: str) -> dict[str, str]:
    """The variables of processes with these grafts: module (dots as `__`) = the graft's module."""
    pairs = (f"{module.replace('__', '.')}={graft}" for module, graft in grafts.items())
    return {"PYTHONPATH": str(FOLDER), "GRAFTS": ",".join(pairs)}
