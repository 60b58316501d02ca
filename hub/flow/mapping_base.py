"""What a connection's mapping stands on, and the own rows that turn it into another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.mapping.loader import LAYERED, effective
from hub.mapping.model import MappingDocument
from hub.mapping.spelling import overlay_for
from hub.registry import connector
from hub.sdk.profiles import profile_of
from hub.store.connections import Configured


def base_document(
    configured: Configured, settings: Mapping[str, Any], entity: str
) -> MappingDocument | None:
    """The mapping below the connection's own rows: shipped, with its profile; None: there is none.

    `settings` are the stored ones, which name the profile.
    """
    name = configured.connection.connector
    profile = profile_of(connector(name).manifest.folder, settings).get("mappings") or {}
    return effective(name, profile).get(entity)


def own_rows(
    configured: Configured, settings: Mapping[str, Any], entity: str, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """The connection's own rows that put the wanted mapping into force; {} when none is needed.

    A connection's rows are laid into its profile's key by key, so a row that replaces a profile's
    says of each of its keys that it is gone.
    """
    name = configured.connection.connector
    profile = profile_of(connector(name).manifest.folder, settings).get("mappings") or {}
    base = effective(name, profile).get(entity)
    own = overlay_for(base.as_dict() if base else None, wanted)
    if own.get("entity") == entity:
        del own["entity"]
    below = profile.get(entity) or {}
    for section in LAYERED:
        rows, former = own.get(section), below.get(section) or {}
        if isinstance(rows, dict):
            replaced = {name: _instead(rows[name], former[name]) for name in former if name in rows}
            own[section] = {**rows, **replaced}
    return own


def _instead(row: Any, former: Any) -> Any:
    if row is None:
        # Taken away from the profile it would show what is shipped below: a row that never holds.
        row = {"const": "", "when": "`false`"}
    if not isinstance(former, Mapping):
        return row
    full = dict(row) if isinstance(row, Mapping) else {"from": row}
    return {**dict.fromkeys([key for key in former if key not in full]), **full}
