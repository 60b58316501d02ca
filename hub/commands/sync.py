"""`hub sync` and `hub reconcile`: polls on demand, and «they say» against «we have»."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from hub.commands.output import as_json, next_page, show_json, show_rows
from hub.commands.session import ACTOR, Session, pass_session
from hub.flow import poll
from hub.flow.reconcile import reconcile as reconcile_step
from hub.sdk.errors import ConfigError
from hub.store.database import utc_now
from hub.store.lists import ops
from hub.store.store import Store

COLUMNS = (
    *("id", "connection", "stream", "status", "started_at", "rows_read", "rows_created"),
    *("rows_changed", "rows_removed", "rows_rejected", "rows_warned", "error_message"),
)
#: A hub that runs takes a run up within this time; else the command carries it out itself.
WORKER_SECONDS = 3.0
LOOK_SECONDS = 0.2


@click.group(help="Опросы · Polls")
def sync() -> None:
    """Sync runs."""


@sync.command("run", help="Опросить поток сейчас · Poll a stream now")
@click.argument("connection")
@click.argument("stream")
@click.option("--wait", is_flag=True, help="дождаться конца · wait until it is done")
@as_json
@pass_session
def run(session: Session, connection: str, stream: str, wait: bool, as_json: bool) -> None:
    """Ask for a sync run; with --wait exit code 1 unless it succeeds."""
    store = session.store
    run_id = poll.request_run(store, connection, stream, "person")
    _tell(store, run_id, wait, as_json)


@sync.command("approve", help="Принять задержанную выгрузку · Let a held snapshot through")
@click.argument("run_id", type=int)
@click.option("--wait", is_flag=True, help="дождаться конца · wait until it is done")
@as_json
@pass_session
def approve(session: Session, run_id: int, wait: bool, as_json: bool) -> None:
    """Run a held snapshot again, accepting as few rows as it had."""
    _tell(session.store, poll.approve_run(session.store, run_id, ACTOR), wait, as_json)


@sync.command("list", help="Список опросов, новые первыми · List runs, newest first")
@click.option("--connection", default="", help="имя подключения · connection")
@click.option("--stream", default="", help="поток · stream")
@click.option("--status", default="", help="queued | running | succeeded | failed | held")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="откуда продолжить · where to go on")
@as_json
@pass_session
def list_(
    session: Session,
    connection: str,
    stream: str,
    status: str,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """Sync runs that match, newest first."""
    page = ops.list_sync_runs(
        session.store.database,
        connection=connection,
        stream=stream,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    show_rows(page.items, COLUMNS, as_json, "опросов не было · no runs yet")
    next_page(page.next_cursor)


def _tell(store: Store, run_id: int, wait: bool, as_json: bool) -> None:
    row = _finished(store, run_id) if wait else _run(store, run_id)
    if as_json:
        show_json(row)
    elif not wait:
        click.echo(f"опрос {run_id} поставлен в очередь · run {run_id} is queued")
    else:
        show_rows([row], COLUMNS, json_wanted=False)
        if row["held_reason"]:
            click.echo(f"{row['held_reason']}\nhub sync approve {run_id}")
        for issue in row["issues"][:20]:
            click.echo(f"  {issue['place']}: {issue['message']}")
    if wait and row["status"] != "succeeded":
        raise SystemExit(1)


def _run(store: Store, run_id: int) -> dict[str, Any]:
    row = ops.get_sync_run(store.database, run_id)
    if row is None:
        raise ConfigError(f"there is no run {run_id}")
    return row


def _finished(store: Store, run_id: int) -> dict[str, Any]:
    """The run once it is over; carried out here when no worker takes it up."""
    began = time.monotonic()
    while True:
        row = _run(store, run_id)
        if row["status"] not in poll.OPEN:
            return row
        configured = store.catalog.by_id(row["connection_id"])
        if configured is not None and configured.state == "paused":
            raise ConfigError(
                f"«{configured.name}» is paused: hub connections resume {configured.name}"
            )
        if row["status"] == "queued" and time.monotonic() - began > WORKER_SECONDS:
            poll.run_sync(store, run_id)
        time.sleep(LOOK_SECONDS)


@click.command(help="Сверить с источником за период · Compare with the source for a period")
@click.argument("connection")
@click.option("--from", "since", help="ГГГГ-ММ-ДД, по умолчанию вчера · default: yesterday")
@click.option("--to", "until", help="ГГГГ-ММ-ДД включительно · inclusive, default: now")
@as_json
@pass_session
def reconcile(
    session: Session, connection: str, since: str | None, until: str | None, as_json: bool
) -> None:
    """Fetch what is missing and write the ledger: theirs, ours, recovered, unexplained per day."""
    zone = session.store.catalog.require(connection).connection.timezone
    now = utc_now().astimezone(zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = _moment(since, zone, "--from") if since else midnight - timedelta(days=1)
    end = _moment(until, zone, "--to", last=True) if until else now
    if end <= begin:
        raise ConfigError("--to must be later than --from")
    days = reconcile_step(session.store, connection, begin, end)
    rows = [{"day": day, **counts} for day, counts in days.items()]
    columns = ("day", "theirs", "ours", "recovered", "unexplained")
    show_rows(rows, columns, as_json, "за период ничего нет · nothing in this period")


def _moment(text: str, zone: ZoneInfo, option: str, *, last: bool = False) -> datetime:
    """A day or moment in the connection's zone; a day as `last` counts to its end."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"«{text}» is not a date such as 2026-01-12", place=option) from error
    if last and len(text) == 10:
        found += timedelta(days=1)
    return found if found.tzinfo else found.replace(tzinfo=zone)
