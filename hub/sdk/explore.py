"""What an admin sees of another system before a stream is set up: its operations, a few rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hub.sdk.connection import Connection


@dataclass(frozen=True)
class Asked:
    """One argument of an operation. `kind`: text, number, boolean, time, date or structure."""

    name: str
    kind: str
    required: bool
    nillable: bool


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked for; `paths` are the lists that its description promises."""

    name: str
    arguments: Sequence[Asked] = ()
    paths: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Operations:
    """All that one service offers; `places` names services and ports, the one in use first."""

    operations: Sequence[Operation] = ()
    places: Sequence[str] = ()


@dataclass(frozen=True)
class Sample:
    """The first rows of a real answer. `paths` are the lists found in it: (path, how many).

    `cut`: the answer went on, the connection was closed.
    """

    path: str
    rows: Sequence[Mapping[str, Any]] = ()
    paths: Sequence[tuple[str, int]] = field(default_factory=tuple)
    cut: bool = False
    read_bytes: int = 0


class Explore(Protocol):
    """A connector's module `explore`."""

    def operations(self, connection: Connection) -> Operations:
        """What can be asked for; asks for no data."""

    def sample(
        self,
        connection: Connection,
        operation: str,
        arguments: Mapping[str, Any],
        path: str,
        limit: int,
    ) -> Sample:
        """Ask in earnest, read at most `limit` rows and hang up. An empty path is found out."""

    def stream(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        path: str,
        mode: str,
        cursor: str,
        entity: str,
    ) -> Mapping[str, Any]:
        """The settings of a stream that reads these rows."""
