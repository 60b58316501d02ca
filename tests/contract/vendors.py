"""What an emulated vendor sends and shows, taken in by its own connector."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

from hub.registry import connector, make_connection
from hub.sdk.connection import Connection
from hub.sdk.dialogue import UploadedFile
from hub.sdk.errors import Ignored
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event
from hub.sdk.testing import Emulator
from tests.contract.cases import webhook_of


def connection_to(emulator: Emulator) -> Connection:
    return make_connection(emulator.connection(), "demo", allowed_networks=("127.0.0.0/8",))


def sent_records(name: str, emulator: Emulator) -> list[SourceRecord]:
    """All the records of all the webhooks it sends; handshakes are answered, as in the gateway."""
    connection, found = connection_to(emulator), []
    for request in emulator.webhooks():
        code = webhook_of(name)
        assert code.verify
        assert code.parse
        if code.answer and code.answer(request, connection, lambda kind, value: None):
            continue
        now = datetime.now(UTC)
        code.verify(request, connection, now)
        try:
            said = code.parse(Event(request, now), connection)
            found += [one for one in said if isinstance(one, SourceRecord)]
        except Ignored:
            continue
    return found


def polled_records(name: str, emulator: Emulator) -> list[SourceRecord]:
    """All the records of all the streams that its connection file schedules."""
    read, connection = connector(name).read, connection_to(emulator)
    found: list[SourceRecord] = []
    for stream in emulator.connection().get("schedule", {}) if read else ():
        cursor: Any = {}
        assert read
        for page in read(connection, stream, cursor):
            found += page.sources()
            cursor = page.cursor
            assert json.loads(json.dumps(cursor)) == cursor, "a cursor is kept as JSON"
            assert not page.rejected
    return found


def uploaded_records(name: str, emulator: Any) -> list[SourceRecord]:
    """All the records of its files, in their order, each knowing the ones before."""
    read, connection = connector(name).read_upload, connection_to(emulator)
    found: list[SourceRecord] = []
    memory: Any = {}
    for stream, file_name, body in emulator.uploads() if read else ():
        assert read
        for page in read(connection, stream, memory, UploadedFile(io.BytesIO(body), file_name)):
            found += page.sources()
            memory = page.cursor
            assert json.loads(json.dumps(memory)) == memory, "a cursor is kept as JSON"
            assert not page.rejected
    return found


def all_records(name: str, emulator: Emulator) -> list[SourceRecord]:
    """Everything that comes from this vendor, by webhook, by poll and by upload."""
    return (
        sent_records(name, emulator)
        + polled_records(name, emulator)
        + uploaded_records(name, emulator)
    )
