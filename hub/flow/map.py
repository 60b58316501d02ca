"""Step map: source records become the hub's own records, by the connection's mapping."""

from __future__ import annotations

from functools import lru_cache

import orjson

from hub.mapping.compiler import CompiledMapping, compile_mapping
from hub.mapping.loader import effective
from hub.mapping.model import MappedRecord, MappingDocument
from hub.mapping.preview import FieldTrace, explain
from hub.mapping.transforms import MappingContext
from hub.sdk.errors import ConfigError, PayloadError
from hub.sdk.records import SourceRecord
from hub.store.connections import Configured
from hub.store.database import to_json


class Mappings:
    """The compiled mappings of one connection."""

    def __init__(self, configured: Configured) -> None:
        connection = configured.connection
        self._compiled = _compiled(connection.connector, to_json(dict(configured.mappings)))
        self.context = MappingContext(
            timezone=connection.timezone,
            phone_region=connection.phone_region,
            settings=connection.settings,
        )

    def apply(self, source: SourceRecord) -> MappedRecord:
        """Map one source record; MappingError or ConfigError names what to mend."""
        compiled = self._compiled.get(source.entity)
        if compiled is None:
            known = ", ".join(sorted(self._compiled)) or "none"
            raise ConfigError(
                f"there is no mapping for «{source.entity}»; there are: {known}",
                place=f"mappings.{source.entity}",
            )
        record = compiled.apply(source, self.context)
        if compiled.document.external_id is not None and not record.external_id:
            raise PayloadError(
                f"{source.entity}: external_id is empty: «{compiled.document.external_id.path}» "
                "gives nothing in this record"
            )
        return record

    def document(self, entity: str) -> MappingDocument | None:
        """The mapping of an entity; None when there is none."""
        compiled = self._compiled.get(entity)
        return compiled.document if compiled else None

    def explain(self, source: SourceRecord) -> list[FieldTrace]:
        """How each field of this record comes about; empty when nothing maps the entity."""
        mapped = self._compiled.get(source.entity)
        return explain(mapped.document, source, self.context) if mapped else []


@lru_cache(maxsize=256)
def _compiled(connector: str, overlays: str) -> dict[str, CompiledMapping]:
    documents = effective(connector, orjson.loads(overlays))
    return {name: compile_mapping(document) for name, document in documents.items()}
