"""The base behind a connection, with what typical configurations call their objects."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from connectors._protocols.odata_base import Base
from hub.sdk.connection import Connection


def base_of(connection: Connection, most_seconds: float = 3600.0) -> Base:
    """The connection's base; nothing is asked yet. No call takes longer than `most_seconds`."""
    return Base(connection, names(), most_seconds)


@cache
def names() -> dict[str, Any]:
    """The shipped names, by profile."""
    text = (Path(__file__).parent / "profiles.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = YAML(typ="safe").load(text)
    return found
