"""The mapping a connection works with: what is shipped with its own rows laid over."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from flask import abort, render_template
from ruamel.yaml import YAML

from hub.mapping.loader import effective, load_shipped
from hub.mapping.model import MappingDocument
from hub.web.admin.base import blueprint, require


@blueprint.get("/mappings/<connection>/<entity>")
def mapping(connection: str, entity: str) -> str:
    """Every row of the effective mapping, the connection's own ones marked; read only."""
    configured = require(connection)
    documents = effective(configured.connection.connector, configured.mappings)
    shipped = load_shipped(configured.connection.connector)
    document = documents.get(entity)
    if document is None:
        abort(404)
    return render_template(
        "admin/mapping.html",
        configured=configured,
        document=document,
        entities=sorted(documents),
        # Where nothing is shipped every row is the connection's own, and a mark says nothing.
        sections=_sections(document, configured.mappings.get(entity) if entity in shipped else {}),
        text=_yaml(document),
    )


def _sections(document: MappingDocument, own: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    over: Mapping[str, Any] = own if isinstance(own, Mapping) else {}
    source = document.source
    heads = {
        name: source[name] for name in ("external_id", "version", "occurred_at") if name in source
    }
    sections = [("", _rows(heads, over))]
    for name in ("fields", "contact", "company"):
        below = over.get(name)
        rows = _rows(source.get(name) or {}, below if isinstance(below, Mapping) else {})
        sections.append((name, rows))
    return [(name, rows) for name, rows in sections if rows]


def _rows(rows: Mapping[str, Any], own: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for target, row in rows.items():
        spec = dict(row) if isinstance(row, Mapping) else {"from": row}
        path, steps = spec.pop("from", None), spec.pop("as", None)
        each = spec.pop("each", None)
        found.append(
            {
                "target": target,
                "from": path if path is not None else each,
                "each": each is not None,
                "as": steps,
                "rest": spec,
                "own": target in own,
            }
        )
    return found


def _yaml(document: MappingDocument) -> str:
    buffer = io.StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = None
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel's types say None
    yaml.dump(document.as_dict(), buffer)
    return buffer.getvalue()
