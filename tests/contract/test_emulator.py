"""Every emulator is an honest small vendor: what it sends passes its own connector."""

from __future__ import annotations

import json

from hub.registry import connector
from hub.sdk.entities import ENTITIES
from hub.sdk.testing import Emulator
from tests.contract.cases import check_record, plain
from tests.contract.vendors import all_records, connection_to


def test_its_connection_file_is_valid(running: tuple[str, Emulator]) -> None:
    name, emulator = running
    assert connection_to(emulator).connector == name
    assert emulator.connection()["title"]


def test_its_streams_are_scheduled(running: tuple[str, Emulator]) -> None:
    name, emulator = running
    if connector(name).read:
        assert emulator.connection().get("schedule")


def test_the_connection_test_passes_against_it(running: tuple[str, Emulator]) -> None:
    name, emulator = running
    if check := connector(name).check:
        steps = list(check(connection_to(emulator)))
        assert steps
        assert not [step for step in steps if not step.ok]


def test_it_sends_and_shows_what_the_connector_takes(running: tuple[str, Emulator]) -> None:
    name, emulator = running
    records = all_records(name, emulator)
    for record in records:
        check_record(name, record)
        json.dumps(plain(record.data))
    expected = emulator.expected()
    assert set(expected) <= set(ENTITIES)
    assert all(count > 0 for count in expected.values())
    assert bool(expected) == bool(records)


def test_it_counts_right(running: tuple[str, Emulator]) -> None:
    """Of entities that carry their id: as many different ones that ever were as it says."""
    name, emulator = running
    records = all_records(name, emulator)
    for entity in {record.entity for record in records}:
        ids = {
            record.external_id
            for record in records
            if record.entity == entity and not record.deleted
        }
        if "" not in ids and entity not in {"contact", "company"}:
            assert len(ids) == emulator.expected().get(entity), entity
