"""What the contract suite runs over: every connector folder and every fixture in it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hub.registry import CONNECTORS, Connector, connector, make_connection
from hub.sdk.connection import Connection
from hub.sdk.entities import ENTITIES
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest
from hub.sdk.testing import read_http

#: Every folder that is meant to be a connector; `_protocols` is shared code.
NAMES = sorted(
    path.name
    for path in CONNECTORS.iterdir()
    if path.is_dir() and not path.name.startswith(("_", "."))
)
WEBHOOKS = [name for name in NAMES if (CONNECTORS / name / "webhook.py").exists()]
#: Keys of fixtures/connection.yml that are for this suite and no part of a connection file.
SUITE_KEYS = ("received_at", "signature_covers_body", "every_event_kept")
OUTCOMES = ("records", "runs", "ignored", "payload_error")


@dataclass(frozen=True)
class Case:
    """One byte-exact request beside what must become of it."""

    connector: str
    path: Path

    def __str__(self) -> str:
        return f"{self.connector}/{self.path.stem}"

    @property
    def request(self) -> RawRequest:
        """A fresh request: nothing is remembered from an earlier use."""
        return read_http(self.path)

    @cached_property
    def expected(self) -> dict[str, Any]:
        """The golden file; numbers with a point are kept as text."""
        text = self.path.with_suffix(".expected.json").read_text(encoding="utf-8")
        loaded: dict[str, Any] = json.loads(text, parse_float=str)
        return loaded

    @property
    def connection(self) -> Connection:
        """The connection the fixture is signed for."""
        return fixture_connection(self.connector)

    @property
    def received_at(self) -> datetime:
        """When the hub received it, as the golden file or connection.yml says."""
        own = self.expected.get("received_at") or suite_option(self.connector, "received_at")
        assert own, f"{self}: no received_at, neither in the golden file nor in connection.yml"
        moment = datetime.fromisoformat(str(own))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def event(self) -> Event:
        """The stored event as parse gets it."""
        code = connector(self.connector)
        assert code.event_type
        kind = code.event_type(self.request, self.connection)
        return Event(self.request, self.received_at, kind)


CASES = [
    Case(name, path)
    for name in WEBHOOKS
    for path in sorted((CONNECTORS / name / "fixtures").glob("*.http"))
]


@cache
def connection_document(name: str) -> dict[str, Any]:
    """The whole of fixtures/connection.yml."""
    path = CONNECTORS / name / "fixtures" / "connection.yml"
    loaded: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return loaded


def suite_option(name: str, key: str, default: Any = None) -> Any:
    """A key of connection.yml that is meant for this suite."""
    return connection_document(name).get(key, default)


def fixture_connection(name: str) -> Connection:
    """The checked connection the fixtures are signed for."""
    document = connection_document(name)
    return make_connection({key: document[key] for key in document if key not in SUITE_KEYS})


def webhook_of(name: str) -> Connector:
    """A connector that certainly has the whole webhook side."""
    code = connector(name)
    for part in ("verify", "event_key", "event_type", "ordering_key", "parse"):
        assert getattr(code, part), f"{name}/webhook.py has no {part}()"
    return code


def parsed(name: str, event: Event, connection: Connection) -> list[Any]:
    """Everything parse yields: source records, or the runs it wants; what it raises passes."""
    code = webhook_of(name)
    assert code.parse
    return list(code.parse(event, connection))


def plain(value: Any) -> Any:
    """A value as a golden file writes it: Decimals and times as text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def record_as_golden(record: SourceRecord) -> dict[str, Any]:
    """A source record as a golden file writes it."""
    return {
        "entity": record.entity,
        "external_id": record.external_id,
        "data": plain(record.data),
        "version": record.version,
        "part": record.part,
        "occurred_at": plain(record.occurred_at),
        "deleted": record.deleted,
    }


def check_record(name: str, record: SourceRecord) -> None:
    """What every source record of every connector keeps to."""
    manifest = connector(name).manifest
    assert record.entity in ENTITIES
    assert record.entity in manifest.entities, f"manifest.yml does not declare {record.entity}"
    assert isinstance(record.external_id, str)
    assert isinstance(record.version, str)
    assert isinstance(record.part, str)
    assert isinstance(record.data, Mapping)
    if record.occurred_at is not None:
        assert record.occurred_at.tzinfo is not None, "occurred_at has no zone"


def code_files(name: str) -> list[Path]:
    """The connector's Python files."""
    return sorted((CONNECTORS / name).rglob("*.py"))


def imports_of(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported module, wherever in the file it stands, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield ("." * node.level) + (node.module or ""), node.lineno
            yield from (
                (f"{node.module}.{alias.name}", node.lineno) for alias in node.names if node.module
            )
