"""What the hub itself keeps beside the fields of sources: search text, stage, differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.crm.order_state import difference_changes
from hub.crm.search import searchable
from hub.crm.stages import stage_changes

#: Columns that say nothing new in the journal of changes.
SILENT = frozenset({"origins", "parts", "search_text", "differs", "is_settled"})


def derive(entity: str, row: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of a record about to be written, with all that follows from them."""
    found = searchable(entity, row, dict(changes))
    found |= stage_changes(entity, row, found)
    found |= difference_changes(entity, row, found)
    return found
