"""Where notices go, when each may, and what waits for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, insert, literal_column, select, update

from hub.store.database import Database, utc_now
from hub.store.lists.paging import as_dicts
from hub.store.models import connections, incidents, notice_channels, notices
from hub.store.secrets import Vault

KINDS = ("mail", "telegram", "webhook")
PENDING = notices.c.status == literal_column("'pending'")


def listening(db: Connection) -> list[Row[Any]]:
    """Channels that are switched on."""
    query = select(notice_channels).where(notice_channels.c.is_active)
    return list(db.execute(query.order_by(notice_channels.c.id)))


def everyone(database: Database) -> list[dict[str, Any]]:
    """Every channel, without its secrets."""
    columns = [column for column in notice_channels.c if column.name != "secrets"]
    with database.read() as db:
        query = select(*columns).order_by(notice_channels.c.id)
        return as_dicts(db.execute(query).mappings())


def get(db: Connection, channel_id: int) -> Row[Any] | None:
    """A channel's row."""
    return db.execute(select(notice_channels).where(notice_channels.c.id == channel_id)).first()


def save(
    db: Connection,
    vault: Vault,
    channel_id: int,
    values: Mapping[str, Any],
    secrets: Mapping[str, str],
) -> int:
    """Add (id 0) or change a channel; a secret that is not given stays as it was."""
    former = get(db, channel_id) if channel_id else None
    kept = vault.open(former.secrets) if former is not None else {}
    sealed = {**kept, **{name: value for name, value in secrets.items() if value}}
    row = {**values, "secrets": vault.seal(sealed) if sealed else None}
    if former is None:
        done = db.execute(
            insert(notice_channels)
            .values(**row, created_at=utc_now())
            .returning(notice_channels.c.id)
        )
        return int(done.scalar_one())
    db.execute(update(notice_channels).where(notice_channels.c.id == channel_id).values(row))
    return channel_id


def remove(db: Connection, channel_id: int) -> bool:
    """Remove a channel with what waits for it."""
    db.execute(delete(notices).where(notices.c.channel_id == channel_id))
    return bool(
        db.execute(delete(notice_channels).where(notice_channels.c.id == channel_id)).rowcount
    )


def due_at(channel: Row[Any], severity: str, now: datetime, zone: Any) -> datetime:
    """When a notice may go: at once, or after the quiet hours unless it is critical."""
    if severity == "critical":
        return now
    return quiet_end(channel.quiet_from, channel.quiet_until, now, zone) or now


def quiet_end(begins: str, ends: str, now: datetime, zone: Any) -> datetime | None:
    """When the quiet hours end that `now` lies in; None outside of them."""
    first, last = clock(begins), clock(ends)
    if first is None or last is None or first == last:
        return None
    local = now.astimezone(zone)
    at = local.time()
    inside = first <= at < last if first < last else at >= first or at < last
    if not inside:
        return None
    end = local.replace(hour=last.hour, minute=last.minute, second=0, microsecond=0)
    return end if end > local else end + timedelta(days=1)


def clock(text: str) -> time | None:
    """«22:00» as a time of day; None for anything else."""
    try:
        return time.fromisoformat(text) if len(text) == len("22:00") else None
    except ValueError:
        return None


def has_due(db: Connection, now: datetime) -> bool:
    """Whether any notice is to be sent now."""
    return bool(db.scalar(select(exists().where(PENDING, notices.c.due_at <= now))))


def due_channels(db: Connection, now: datetime) -> list[int]:
    """Channels for which something is due."""
    query = select(notices.c.channel_id).where(PENDING, notices.c.due_at <= now).distinct()
    return sorted(db.scalars(query))


def waiting(db: Connection, channel_id: int, limit: int) -> list[dict[str, Any]]:
    """What waits for a channel, oldest first, each with its incident's words."""
    query = (
        select(
            notices,
            incidents.c.kind,
            incidents.c.cause,
            incidents.c.subject,
            incidents.c.count,
            incidents.c.opened_at,
            incidents.c.resolved_at,
            connections.c.name.label("connection"),
            connections.c.title.label("connection_title"),
        )
        .join(incidents, incidents.c.id == notices.c.incident_id)
        .outerjoin(connections, connections.c.id == incidents.c.connection_id)
        .where(PENDING, notices.c.channel_id == channel_id)
        .order_by(notices.c.id)
        .limit(limit)
    )
    return as_dicts(db.execute(query).mappings())


def mark(db: Connection, ids: Sequence[int], **values: Any) -> None:
    """Write what became of these notices."""
    db.execute(update(notices).where(notices.c.id.in_(list(ids))).values(values))


def note_channel(db: Connection, channel_id: int, **values: Any) -> None:
    """Write when a channel sent last, or what it failed of."""
    db.execute(update(notice_channels).where(notice_channels.c.id == channel_id).values(values))
