"""What the admin picks from: the operations in the WSDL and the first rows of a real answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from connectors._protocols.soap_arguments import filled
from connectors._protocols.soap_explore import HEAD_SECONDS, operations_of, sample_of
from connectors.onec_soap.client import AFTER, CURSOR, SIZE, soap_service
from hub.sdk.connection import Connection
from hub.sdk.explore import Operations, Sample


def operations(connection: Connection) -> Operations:
    """The operations of the chosen port; only the WSDL is read."""
    with closing(soap_service(_brief(connection))) as service:
        return operations_of(service)


def sample(
    connection: Connection, operation: str, arguments: Mapping[str, Any], path: str, limit: int
) -> Sample:
    """Call the operation and show its first rows; placeholders are as on the first poll."""
    values = {CURSOR: "", AFTER: "", SIZE: str(limit)}
    with closing(soap_service(_brief(connection))) as service:
        known = service.arguments(operation)
        given = filled(arguments, known, values, connection.timezone, "arguments")
        return sample_of(service, operation, given, path, limit)


def stream(
    operation: str, arguments: Mapping[str, Any], path: str, mode: str, cursor: str, entity: str
) -> Mapping[str, Any]:
    """The stream's table in `settings.streams`."""
    plan: dict[str, Any] = {
        "operation": operation,
        "arguments": dict(arguments),
        "rows": path or "return",
        "mode": mode,
        "entity": entity,
    }
    return {**plan, "cursor": cursor} if mode == "delta" else plan


def _brief(connection: Connection) -> Connection:
    """A person waits in the browser: no longer than a minute for a sign of life."""
    return replace(
        connection, settings={**connection.settings, "timeout_seconds": int(HEAD_SECONDS)}
    )
