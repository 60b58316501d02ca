"""What mapping tests share: a context, and a mapping tried on data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.mapping.compiler import compile_mapping
from hub.mapping.model import MappedRecord
from hub.mapping.schema import build_document
from hub.mapping.transforms import MappingContext
from hub.sdk.records import SourceRecord

Apply = Callable[..., MappedRecord]


@pytest.fixture
def context() -> MappingContext:
    return MappingContext(
        timezone=ZoneInfo("Europe/Moscow"), settings={"managers": {"101": "alice@example.ru"}}
    )


@pytest.fixture
def apply(context: MappingContext) -> Apply:
    """Map `data` by a document given as plain data; further arguments go to the source record."""

    def run(
        document: Mapping[str, Any], data: Mapping[str, Any], entity: str = "order", **source: Any
    ) -> MappedRecord:
        compiled = compile_mapping(build_document(document, entity))
        record = SourceRecord(entity, source.pop("external_id", "7"), data, **source)
        return compiled.apply(record, context)

    return run
