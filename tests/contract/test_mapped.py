"""Shipped mappings and their connectors fit together: golden records and the emulators' pass."""

from __future__ import annotations

from hub.mapping.compiler import compile_mapping
from hub.mapping.loader import effective
from hub.mapping.model import MappedRecord, MappingDocument
from hub.mapping.transforms.registry import MappingContext
from hub.registry import connector
from hub.sdk.connection import Connection
from hub.sdk.records import SourceRecord
from hub.sdk.testing import Emulator
from tests.contract.cases import CASES, Case, connection_document, fixture_connection, parsed
from tests.contract.vendors import all_records, connection_to


def mapped(
    documents: dict[str, MappingDocument], record: SourceRecord, connection: Connection
) -> MappedRecord:
    context = MappingContext(connection.timezone, connection.phone_region, connection.settings)
    return compile_mapping(documents[record.entity]).apply(record, context)


def check_mapped(record: SourceRecord, result: MappedRecord) -> None:
    assert result.entity == record.entity
    assert result.deleted == record.deleted
    assert result.external_id or result.entity == "stock", (
        "neither parse nor the mapping gives an id"
    )
    if not record.deleted:
        assert result.fields


def test_every_golden_record_maps(case: Case) -> None:
    if "records" in case.expected:
        overlays = connection_document(case.connector).get("mappings")
        documents = effective(case.connector, overlays)
        for record in parsed(case.connector, case.event, case.connection):
            check_mapped(record, mapped(documents, record, case.connection))


def test_everything_the_emulator_shows_maps_without_a_warning(
    running: tuple[str, Emulator],
) -> None:
    name, emulator = running
    documents = effective(name, emulator.connection().get("mappings"))
    connection = connection_to(emulator)
    for record in all_records(name, emulator):
        result = mapped(documents, record, connection)
        check_mapped(record, result)
        assert result.warnings == []


def test_shipped_mappings_fill_their_entity(name: str) -> None:
    for entity, document in effective(name).items():
        assert document.entity == entity
        assert entity in connector(name).manifest.entities


def test_a_golden_record_exists_for_every_webhook_entity(webhook_name: str) -> None:
    """What a webhook may bring is shown; polls and uploads are the emulator's to show."""
    if not {"poll", "upload"} & set(connector(webhook_name).manifest.directions):
        shown = {
            record.entity
            for case in CASES
            if case.connector == webhook_name and "records" in case.expected
            for record in parsed(webhook_name, case.event, fixture_connection(webhook_name))
        }
        generic = connector(webhook_name).manifest.mappings_from_connection
        assert shown
        assert generic or shown == set(connector(webhook_name).manifest.entities)
