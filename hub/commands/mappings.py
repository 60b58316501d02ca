"""`hub mappings`: check, show, preview."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from hub.commands import connection_files
from hub.commands.output import as_json, show_json, table
from hub.commands.session import Session, pass_session
from hub.flow.inspect import EventView, inspect_event
from hub.mapping.check import check_document, check_shipped
from hub.mapping.loader import effective, load_file
from hub.mapping.model import MappingConfigError, Problem
from hub.mapping.places import read_yaml
from hub.mapping.transforms import MISSING
from hub.registry import connector
from hub.sdk.errors import ConfigError
from hub.store.store import Store


@click.group(help="Сопоставления полей · Field mappings")
def mappings() -> None:
    """The mapping language at work."""


@mappings.command("check", help="Проверить файлы или всё · Check files, or everything")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1)
@as_json
@pass_session
def check(session: Session, files: tuple[Path, ...], as_json: bool) -> None:
    """Check mapping or connection files; without any: shipped and every connection's.

    Exit code 1 when there is an error; warnings alone leave it 0.
    """
    if files:
        problems = [problem for path in files for problem in check_file(path)]
    else:
        problems = check_everything(session.store)
    if as_json:
        show_json([asdict(problem) for problem in problems])
    elif not problems:
        click.echo("ok")
    else:
        for problem in problems:
            click.echo(f"{'✗' if problem.severity == 'error' else '!'}  {problem}")
    if any(problem.severity == "error" for problem in problems):
        raise SystemExit(1)


def check_file(path: Path) -> list[Problem]:
    """What is wrong with one mapping or connection file, with lines."""
    try:
        raw = read_yaml(path, str(path))
        if isinstance(raw, Mapping) and "connector" in raw:
            file = connection_files.read(path)
            connection_files.check(file)
            return _doubts(file.document["connector"], raw.get("mappings"), str(path))
        return check_document(load_file(path, str(path), path.stat().st_mtime_ns))
    except MappingConfigError as error:
        return error.problems
    except ConfigError as error:
        return [Problem("", error.message)]


def check_everything(store: Store) -> list[Problem]:
    """What is wrong with the shipped mappings and with those of every connection."""
    found = check_shipped()
    for item in store.catalog.all():
        if item.mappings:
            try:
                found += _doubts(item.connection.connector, item.mappings, item.name)
            except MappingConfigError as error:
                found += error.problems
    return found


def _doubts(name: str, overlays: Any, place: str) -> list[Problem]:
    settings = [setting.name for setting in connector(name).manifest.settings]
    return [
        problem
        for entity, document in effective(name, overlays, place=place).items()
        if entity in (overlays or {})
        for problem in check_document(document, settings)
    ]


@mappings.command("show", help="Действующее сопоставление · The mapping in force")
@click.argument("connection")
@click.argument("entity", required=False)
@as_json
@pass_session
def show(session: Session, connection: str, entity: str | None, as_json: bool) -> None:
    """The shipped mapping with the connection's own rows laid over it."""
    item = session.store.catalog.require(connection)
    documents = effective(item.connection.connector, item.mappings, place=connection)
    if entity is not None and entity not in documents:
        known = ", ".join(documents) or "none"
        raise ConfigError(f"there is no mapping for «{entity}»; there are: {known}")
    found = {
        name: document.as_dict()
        for name, document in documents.items()
        if entity is None or name == entity
    }
    if as_json:
        show_json(found)
        return
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 100
    text = io.StringIO()
    yaml.dump(found, text)
    click.echo(text.getvalue().rstrip())


@mappings.command("preview", help="Показать на принятом событии · Run it on a stored event")
@click.argument("event_id", type=int)
@as_json
@pass_session
def preview(session: Session, event_id: int, as_json: bool) -> None:
    """Parse and map an event with today's code and mapping, field by field; nothing is stored."""
    view = inspect_event(session.store, event_id)
    if as_json:
        show_json(_document(view))
    else:
        _print(view)
    if view.parse_error or any(record.error for record in view.records):
        raise SystemExit(1)


def _document(view: EventView) -> dict[str, Any]:
    records = []
    for record in view.records:
        fields = [
            {
                "field": trace.target,
                "from": trace.path,
                "raw": _value(trace.raw),
                "steps": [[name, _value(value)] for name, value in trace.steps],
                "result": _value(trace.result),
                "absent": trace.absent,
                "error": trace.error,
            }
            for trace in record.trace
        ]
        source = asdict(record.source)
        mapped = asdict(record.mapped) if record.mapped else None
        records.append(
            {"source": source, "fields": fields, "mapped": mapped, "error": record.error}
        )
    return {"records": records, "parse_error": view.parse_error}


def _value(value: Any) -> Any:
    return None if value is MISSING else value


def _print(view: EventView) -> None:
    if view.parse_error:
        click.echo(f"✗  parse: {view.parse_error}")
    for record in view.records:
        source = record.source
        part = f" ({source.part})" if source.part else ""
        click.echo(f"{source.entity} {source.external_id}{part}")
        rows = [("field", "from", "raw", "result")]
        for trace in record.trace:
            result = f"✗ {trace.error}" if trace.error else _short(trace.result)
            rows.append((trace.target, trace.path, _short(trace.raw), result))
        table(rows)
        if record.error:
            click.echo(f"✗  {record.error}")


def _short(value: Any) -> str:
    text = "–" if value is MISSING else " ".join(str(value).split())
    return text if len(text) <= 40 else text[:39] + "…"
