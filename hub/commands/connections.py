"""`hub connections`: list, add, show, check, pause, resume, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hub.commands import connection_files
from hub.commands.output import as_json, note, show_json, show_rows
from hub.commands.session import ACTOR, Session, pass_session
from hub.embedded.processes import address
from hub.flow import connection_text
from hub.flow.drain import policy_of
from hub.flow.retry import schedule_of
from hub.registry import connector
from hub.sdk.errors import ConfigError
from hub.sdk.traffic import Urgency
from hub.store import audit
from hub.store.connections import find_row, set_state
from hub.store.lists.ops import connection_overview
from hub.store.models import connections as connections_table
from hub.store.store import Store
from hub.traffic.roads import breakers

COLUMNS = ("name", "connector", "state", "last_event_at", "counts", "dead_events", "problem")


@click.group(help="Подключения · Connections")
def connections() -> None:
    """Configured connectors."""


@connections.command("list", help="Список подключений · List connections")
@as_json
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """Every connection, with why it cannot be used when it cannot."""
    show_rows(
        overview(session.store),
        COLUMNS,
        as_json,
        "подключений нет: hub connections add ФАЙЛ.yml · no connections yet: add a file",
    )


def overview(store: Store) -> list[dict[str, Any]]:
    """Every connection and how it fares; `problem` tells what is wrong, else None."""
    broken = store.catalog.broken()
    rows = connection_overview(store.database)
    return [
        {**row, "problem": broken.get(row["name"]) or row["state_reason"] or None} for row in rows
    ]


@connections.command("add", help="Добавить или заменить из файла · Add or replace from a file")
@click.argument("file", type=click.Path(path_type=Path))
@pass_session
def add(session: Session, file: Path) -> None:
    """Store a connection file; a running hub sees it within two seconds."""
    read = connection_files.read(file)
    revision = connection_files.store_file(session.store, read, ACTOR)
    click.echo(f"«{read.name}»: записано, ревизия {revision} · stored, revision {revision}")
    known = {row["name"] for row in overview(session.store)}
    for target in read.document.get("destinations") or ():
        if target not in known:
            note(f"получателя «{target}» ещё нет · the destination «{target}» is not there yet")
    if "webhook" in connector(read.document["connector"]).manifest.directions:
        click.echo(f"адрес · address: {address(session.settings)}/in/{read.name}")


@connections.command("show", help="Одно подключение, без секретов · One connection, no secrets")
@click.argument("name")
@as_json
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Settings, streams and state of one connection; of the secrets only the names."""
    found = whole(session.store, name)
    if as_json:
        show_json(found)
        return
    click.echo(connection_text.export(session.store, name).rstrip())
    click.echo(f"# state: {found['state']} {found['state_reason']}".rstrip())
    click.echo(f"# revision: {found['revision']}")
    if found["problem"]:
        click.echo(f"# problem: {found['problem']}")
    for breaker in found["breakers"]:
        click.echo(
            f"# {breaker['host']}: не вызывается до · not called before "
            f"{breaker['next_probe_at']:%H:%M:%S} UTC, отказов подряд · failures in a row: "
            f"{breaker['failures']}: {breaker['reason']}"
        )
    for limit, value in found["limits"].items():
        click.echo(f"# запросов · requests ({limit}): {value}")
    waits = ", ".join(f"{low:g}–{high:g}" for low, high in found["retry_seconds"])
    click.echo(f"# повторы через, с · retries after, s: {waits}")
    for stream in found["streams"]:
        click.echo(
            f"# {stream['stream']}: fresh {stream['fresh_at'] or '–'}, rows {stream['row_count']}"
        )


def whole(store: Store, name: str) -> dict[str, Any]:
    """A connection as one document; ConfigError when there is none of this name."""
    row = next((item for item in overview(store) if item["name"] == name), None)
    with store.database.read() as db:
        stored = find_row(db, name)
    if row is None or stored is None:
        raise ConfigError(f"there is no connection «{name}»")
    options = {key: getattr(stored, key) for key in ("settings", "schedule", "mappings")}
    configured = store.catalog.get(name)
    return {
        **row,
        **options,
        "secrets": sorted(store.vault.open(stored.secrets)),
        "limits": configured.limits() if configured else {},
        "breakers": [item.as_row() for item in breakers(store.settings).get(stored.id, [])],
        "retry_seconds": schedule_of(policy_of(store)),
    }


@connections.command("check", help="Проверить связь по шагам · Test it step by step")
@click.argument("name")
@as_json
@pass_session
def check(session: Session, name: str, as_json: bool) -> None:
    """Run the connector's own connection test; exit code 1 when a step fails."""
    configured = session.store.catalog.require(name)
    test = configured.connector.check
    steps = [
        {"name": step.name, "ok": step.ok, "message": step.message}
        for step in (test(configured.connection.at(Urgency.PERSON)) if test else ())
    ]
    if as_json:
        show_json(steps)
    elif not steps:
        click.echo(
            "это подключение только принимает, спрашивать некого: пришлите пробное событие на "
            f"{address(session.settings)}/in/{name} · it only receives: send it a test event"
        )
    else:
        for step in steps:
            click.echo(f"{'ok' if step['ok'] else '✗'}  {step['name']}  {step['message']}".rstrip())
    if not all(step["ok"] for step in steps):
        raise SystemExit(1)


@connections.command("pause", help="Приостановить: события копятся · Pause: events are kept")
@click.argument("name")
@click.option("--reason", default="", help="почему · why")
@pass_session
def pause(session: Session, name: str, reason: str) -> None:
    """Stop work for a connection; what comes in is kept and waits."""
    _set_state(session.store, name, "paused", reason)


@connections.command("resume", help="Возобновить · Resume")
@click.argument("name")
@pass_session
def resume(session: Session, name: str) -> None:
    """Take up work for a connection again."""
    _set_state(session.store, name, "active", "")


def _set_state(store: Store, name: str, state: str, reason: str) -> None:
    with store.database.write() as db:
        row = find_row(db, name)
        if row is None:
            known = ", ".join(sorted(db.scalars(connections_table.select().with_only_columns(
                connections_table.c.name)))) or "none yet"  # fmt: skip
            raise ConfigError(f"there is no connection «{name}»; there are: {known}")
        set_state(db, row.id, state, reason)
        audit.record(db, ACTOR, state, "connection", name, {"reason": reason})
    click.echo(f"{name}: {state}")


@connections.command("export", help="Выгрузить в файл, без секретов · Write as a file, no secrets")
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="файл · file")
@pass_session
def export(session: Session, name: str, output: Path | None) -> None:
    """Print a connection file that this connection could be added from."""
    text = connection_text.export(session.store, name)
    if output is None:
        click.echo(text.rstrip())
        return
    output.write_text(text, encoding="utf-8")
    click.echo(str(output))
