"""The form of a connection's settings, made from its connector's manifest; and read back.

Names in the form are places in the document (`settings.host`), so an error finds its field. A row
of a table sends each of its columns once, so the columns line up whatever rows were added or moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from werkzeug.datastructures import MultiDict

from hub.flow.configure import Trouble
from hub.flow.connection_text import dump
from hub.mapping.model import MappingConfigError
from hub.mapping.places import load_yaml, plain
from hub.sdk.manifest import BASE, LIMITS, MATCH, Manifest, Setting

REST, NAME = "_rest", "_name"
MAX_ROWS: Final = 500
Form = MultiDict[str, str]


@dataclass(frozen=True)
class Field:
    """One setting in the form. `kind` chooses the control; `rows` are a table's."""

    setting: Setting
    kind: str
    value: Any = None
    rows: Sequence[Mapping[str, Any]] = ()
    #: How many values of a secret are stored.
    kept: int = 0

    @property
    def name(self) -> str:
        """Its place in the document and its name in the form."""
        return f"{'secrets' if self.setting.secret else 'settings'}.{self.setting.name}"


def kind_of(setting: Setting) -> str:
    """Which control a setting wants."""
    if setting.secret:
        return "secret"
    if setting.columns:
        return "tables" if setting.type == "map" else "rows"
    if setting.type == "map":
        return "pairs" if setting.key else "yaml"
    return "lines" if setting.type == "list" else setting.type


def fields_of(
    manifest: Manifest, settings: Mapping[str, Any], kept: Mapping[str, int]
) -> list[Field]:
    """The form's fields with the settings' own values; defaults are only shown as hints."""
    return [
        _field(setting, settings.get(setting.name), kept.get(setting.name, 0))
        for setting in manifest.settings
    ]


def _field(setting: Setting, value: Any, kept: int) -> Field:
    kind = kind_of(setting)
    if kind == "secret":
        return Field(setting, kind, kept=kept)
    if kind in ("rows", "tables"):
        return Field(setting, kind, rows=_rows(setting, value))
    if kind == "pairs":
        pairs = value if isinstance(value, Mapping) else {}
        return Field(setting, kind, rows=[{"key": k, "value": v} for k, v in pairs.items()])
    if kind == "lines":
        lines = value if isinstance(value, list) else [] if value is None else [value]
        return Field(setting, kind, "\n".join(str(one) for one in lines))
    if kind == "yaml":
        text = value if isinstance(value, str) else dump(value) if value else ""
        return Field(setting, kind, text)
    if kind == "boolean" and value is None:
        value = bool(setting.default)
    return Field(setting, kind, value)


def _rows(setting: Setting, value: Any) -> list[dict[str, Any]]:
    named = list(value.items()) if isinstance(value, Mapping) else [("", v) for v in value or ()]
    known = {column.name for column in setting.columns}
    rows = []
    for name, row in named:
        row = row if isinstance(row, Mapping) else {}
        rest = {key: one for key, one in row.items() if key not in known}
        shown = {key: _shown(row.get(key)) for key in known}
        rows.append({**shown, NAME: name, REST: orjson.dumps(rest).decode() if rest else ""})
    return rows


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def read_form(
    manifest: Manifest, form: Form, before: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str], list[Trouble]]:
    """(settings, new secrets, what cannot be read at all). `before`: the settings as stored."""
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    troubles: list[Trouble] = []
    for setting in manifest.settings:
        if setting.secret:
            if text := form.get(f"secrets.{setting.name}", "").replace("\0", "").strip():
                secrets[setting.name] = text
            continue
        value, trouble = _read(setting, form)
        if trouble:
            troubles.append(Trouble(f"settings.{setting.name}", trouble))
        same_as_default = value == setting.default and setting.name not in before
        if value is not None and (setting.required or not same_as_default):
            settings[setting.name] = value
    troubles += _read_common(manifest, form, before, settings)
    return settings, secrets, troubles


def _read(setting: Setting, form: Form) -> tuple[Any, str]:
    """The setting's value, None when it is left empty; and why it cannot be read."""
    kind, name = kind_of(setting), f"settings.{setting.name}"
    text = form.get(name, "").replace("\0", "").strip()
    if kind in ("rows", "tables"):
        return _read_rows(setting, form, kind == "tables")
    if kind == "pairs":
        keys, values = (_column(form, f"{name}.{part}") for part in ("key", "value"))
        pairs = {key: value for key, value in zip(keys, values, strict=False) if key}
        return (pairs or ({} if setting.required else None)), ""
    if kind == "boolean":
        return (None if f"{name}.asked" not in form else text == "yes"), ""
    if kind == "lines":
        return ([line.strip() for line in text.splitlines() if line.strip()] or None), ""
    if not text:
        return None, ""
    if kind == "integer":
        is_number = text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
        return (int(text) if is_number and len(text) < 16 else text), ""
    if kind == "yaml":
        return _read_yaml(text)
    return text, ""


def _read_yaml(text: str) -> tuple[Any, str]:
    try:
        return plain(load_yaml(text.encode(), "yaml")), ""
    except MappingConfigError as error:
        one = error.problems[0]
        return text, f"line {one.line}: {one.message}"


def _column(form: Form, name: str) -> list[str]:
    return [text.replace("\0", "").strip() for text in form.getlist(name)[:MAX_ROWS]]


def _read_rows(setting: Setting, form: Form, named: bool) -> tuple[Any, str]:
    place = f"settings.{setting.name}"
    columns = {column.name: _column(form, f"{place}.{column.name}") for column in setting.columns}
    rests, names = _column(form, f"{place}.{REST}"), _column(form, f"{place}.{NAME}")
    rows: list[tuple[str, dict[str, Any]]] = []
    for number, rest in enumerate(rests):
        row: dict[str, Any] = {}
        for column in setting.columns:
            text = columns[column.name][number] if number < len(columns[column.name]) else ""
            if text:
                value, trouble = _cell(column, text)
                if trouble:
                    return _before(rows, named), trouble
                row[column.name] = value
        row |= orjson.loads(rest) if rest.startswith("{") else {}
        name = names[number] if number < len(names) else ""
        if row or name:
            rows.append((name, row))
    found = _before(rows, named)
    return (found if found or setting.required else None), ""


def _before(rows: list[tuple[str, dict[str, Any]]], named: bool) -> Any:
    return dict(rows) if named else [row for _, row in rows]


def _cell(column: Setting, text: str) -> tuple[Any, str]:
    if column.type == "boolean":
        return text == "true", ""
    if column.type == "integer" and text.isdigit():
        return int(text), ""
    if column.type == "json":
        return _read_yaml(text)
    return text, ""


def _read_common(
    manifest: Manifest, form: Form, before: Mapping[str, Any], settings: dict[str, Any]
) -> list[Trouble]:
    """The settings that no manifest declares: limits, the space of ids, matching of products."""
    names = manifest.common_settings()
    if BASE in names and (base := form.get(f"settings.{BASE}", "").strip()):
        settings[BASE] = base
    if MATCH in names and f"settings.{MATCH}.asked" in form:
        wanted = form.get(f"settings.{MATCH}") == "yes"
        if wanted != (manifest.kind == "shop") or MATCH in before:
            settings[MATCH] = wanted
    if LIMITS not in names:
        return []
    limits = {
        key: value
        for key, value in dict(before.get(LIMITS) or {}).items()
        if key not in ("requests_per_second", "burst")
    }
    for key in ("requests_per_second", "burst"):
        text = form.get(f"settings.{LIMITS}.{key}", "").strip().replace(",", ".")
        if not text:
            continue
        try:
            limits[key] = int(text) if text.isdigit() else float(text)
        except ValueError:
            return [Trouble(f"settings.{LIMITS}.{key}", "must be a number")]
    if limits:
        settings[LIMITS] = limits
    return []
