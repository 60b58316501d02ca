"""`hub events` and `hub deliveries`: list, show, replay."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import click

from hub.commands.output import as_json, next_page, note, show_json, show_rows
from hub.commands.session import ACTOR, Session, pass_session
from hub.flow.deliver import replay_delivery
from hub.flow.replay import MAX_EVENTS, STEPS, replay_events
from hub.sdk.errors import ConfigError, Rejected
from hub.store.lists import events as event_lists
from hub.store.lists import ops
from hub.store.lists.event_filters import EventFilters
from hub.store.store import Store

EVENT_COLUMNS = ("id", "connection", "type", "status", "received_at", "attempts", "error_message")
DELIVERY_COLUMNS = (
    "id", "connection", "entity", "record_id", "event_type", "status", "attempts", "error_message",
)  # fmt: skip
Moment = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


def aware(moment: datetime | None) -> datetime | None:
    """A moment without a zone is UTC."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


@click.group(help="Принятые события · Received events")
def events() -> None:
    """The inbox."""


@events.command("list", help="Список событий, новые первыми · List events, newest first")
@click.option("--connection", default="", help="имя подключения · connection")
@click.option("--status", default="", help="received | done | ignored | waiting | dead")
@click.option("--type", "kind", default="", help="вид события · event type")
@click.option("--error-code", default="", help="код ошибки · error code")
@click.option("--since", type=Moment, help="не раньше, UTC · received at or after")
@click.option("--until", type=Moment, help="раньше, UTC · received before")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="откуда продолжить · where to go on")
@as_json
@pass_session
def list_events(
    session: Session,
    connection: str,
    status: str,
    kind: str,
    error_code: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """Events that match, newest first."""
    filters = EventFilters(
        connection, status, kind, error_code, since=aware(since), until=aware(until)
    )
    page = event_lists.list_events(session.store.database, filters, limit, cursor)
    rows = [{**row, "key": row["event_key"]} for row in page.items]
    show_rows(rows, EVENT_COLUMNS, as_json, "событий нет · no events")
    next_page(page.next_cursor)


@events.command("show", help="Одно событие целиком · One event, whole")
@click.argument("event_id", type=int)
@as_json
@pass_session
def show_event(session: Session, event_id: int, as_json: bool) -> None:
    """What came (secrets masked), every try, what it changed."""
    event = _event(session.store, event_id)
    request = event.pop("request")
    if request is not None:
        request = {**request, **_body(request["body"])}
    if as_json:
        show_json({**event, "key": event["event_key"], "request": request})
        return
    for name in ("id", "connection", "type", "event_key", "ordering_key", "status",
                 "received_at", "finished_at", "error_code", "error_message"):  # fmt: skip
        if event.get(name) not in (None, ""):
            click.echo(f"{name}: {event[name]}")
    for one in event["attempt_list"]:
        click.echo(
            f"attempt {one['number']}: {one['outcome']} {one['started_at']:%Y-%m-%d %H:%M:%SZ} "
            f"{one['duration_ms']} ms {one['error_message'] or ''}".rstrip()
        )
    for change in event["changes"]:
        click.echo(f"{change['action']} {change['entity']} {change['record_id']}")
    if request is not None:
        query = f"?{request['query']}" if request["query"] else ""
        click.echo(f"\n{request['method']} /{request['path']}{query}")
        click.echo("\n".join(f"{name}: {value}" for name, value in request["headers"]))
        click.echo(f"\n{request['body'] if request['body'] is not None else '(not text)'}")


def _event(store: Store, event_id: int) -> dict[str, Any]:
    plainly = event_lists.find_event(store.database, event_id)
    if plainly is None:
        raise ConfigError(f"there is no event {event_id}")
    configured = store.catalog.by_id(plainly["connection_id"])
    secrets: list[str] = []
    if configured is not None:
        kept = configured.connection.secrets
        secrets = [value for name in kept for value in kept.all(name)]
    return event_lists.get_event(store.database, event_id, secrets) or plainly


def _body(raw: bytes) -> dict[str, str | None]:
    try:
        return {"body": raw.decode(), "body_base64": None}
    except UnicodeDecodeError:
        return {"body": None, "body_base64": base64.b64encode(raw).decode()}


@events.command("replay", help="Выполнить снова · Run again: ids, or a filter")
@click.argument("ids", type=int, nargs=-1)
@click.option("--connection", default="", help="имя подключения · connection")
@click.option("--status", default="", help="received | done | ignored | waiting | dead")
@click.option("--type", "kind", default="", help="вид события · event type")
@click.option("--error-code", default="", help="код ошибки · error code")
@click.option("--step", type=click.Choice(STEPS), default="parse", show_default=True)
@click.option("--reason", default="", help="почему, для журнала · why, for the audit log")
@click.option("--yes", is_flag=True, help="не спрашивать · do not ask")
@pass_session
def replay(
    session: Session,
    ids: tuple[int, ...],
    connection: str,
    status: str,
    kind: str,
    error_code: str,
    step: str,
    reason: str,
    yes: bool,
) -> None:
    """Make events run again from a step; safe any number of times."""
    chosen = list(ids)
    if not chosen:
        filters = EventFilters(connection, status, kind, error_code)
        if filters == EventFilters():
            raise ConfigError("give event ids, or a filter: --connection, --status, --type, …")
        chosen = event_lists.event_ids(session.store.database, filters, MAX_EVENTS)
        if not chosen:
            click.echo("подходящих событий нет · no such events")
            return
        if not yes:
            click.confirm(
                f"событий: {len(chosen)}, выполнить снова? · run {len(chosen)} events again?",
                abort=True,
                err=True,
            )
    number = replay_events(session.store, chosen, step, ACTOR, reason)
    click.echo(f"повтор · replay {number}: {len(chosen)}")


@click.group(help="Доставки получателям · Deliveries to destinations")
def deliveries() -> None:
    """The outbox."""


@deliveries.command("list", help="Список доставок, новые первыми · List deliveries")
@click.option("--connection", default="", help="получатель · destination")
@click.option("--status", default="", help="pending | waiting | paused | delivered | dead")
@click.option("--entity", default="", help="сущность · entity")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", help="откуда продолжить · where to go on")
@as_json
@pass_session
def list_deliveries(
    session: Session,
    connection: str,
    status: str,
    entity: str,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """Deliveries that match, newest first."""
    page = ops.list_deliveries(
        session.store.database,
        connection=connection,
        status=status,
        entity=entity,
        limit=limit,
        cursor=cursor,
    )
    show_rows(page.items, DELIVERY_COLUMNS, as_json, "доставок нет · no deliveries")
    next_page(page.next_cursor)


@deliveries.command("replay", help="Доставить снова · Deliver again")
@click.argument("ids", type=int, nargs=-1, required=True)
@pass_session
def replay_deliveries(session: Session, ids: tuple[int, ...]) -> None:
    """Make finished or dead deliveries run again; exit code 1 when one is refused."""
    refused = False
    for delivery_id in ids:
        try:
            replay_delivery(session.store, delivery_id, ACTOR)
        except Rejected as error:
            refused = True
            note(f"{delivery_id}: {error.message}")
        else:
            click.echo(f"{delivery_id}: доставляется снова · delivered again")
    if refused:
        raise SystemExit(1)
