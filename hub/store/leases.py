"""Leases with fencing: who may work on what, and proof of it inside the working transaction."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from hub.living import is_gone
from hub.sdk.errors import ConfigError
from hub.settings import Settings
from hub.store.database import Database, insert_for, is_away, utc_now
from hub.store.models import leases
from hub.store.plain import ask_plain

#: What a holder may take between two signs of life, unless hub.yml says otherwise (`leases`).
DEFAULT_SECONDS = {"drain": 60.0, "deliver": 120.0, "sync": 300.0}
EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


class LeaseLostError(Exception):
    """Another worker holds the lease now; nothing this one wrote counts."""


def raise_unless_a_row(error: Exception) -> None:
    """Raise an error again that no row is to blame for: the store is away, the lease is lost."""
    if is_away(error) or isinstance(error, LeaseLostError):
        raise error


@dataclass(frozen=True)
class Lease:
    """A held lease. `deaths` counts the holders before this one that died holding it."""

    name: str
    owner: str
    token: int
    seconds: float
    deaths: int


def seconds_of(settings: Settings, work: str) -> float:
    """How many seconds a lease for this work holds (drain, deliver, sync) until it is proved anew.

    ConfigError when hub.yml names no positive number.
    """
    place = f"leases.{work}_seconds"
    given = settings.option(place, DEFAULT_SECONDS[work])
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise ConfigError("must be a number of seconds above 0", place=f"hub.yml, {place}")
    return float(given)


def owner_name() -> str:
    """This worker's name in leases: machine, process, thread."""
    return f"{socket.gethostname()}-{os.getpid()}-{threading.get_ident()}"


def is_held(row: Row[Any], now: datetime) -> bool:
    """Whether the holder may still be at work: its time has not run out, its process lives.

    Only a process of this machine can be seen to be gone; should the sight deceive, fencing keeps
    the holder from writing.
    """
    if not row.owner or row.expires_at < now:
        return False
    return not is_gone(row.owner.rpartition("-")[0])


def acquire(database: Database, name: str, owner: str, seconds: float) -> Lease | None:
    """Take the lease if it is free or has run out; None when somebody holds it.

    One that the owner itself could not give back, because the store was away, is taken at once.
    """
    now = utc_now()
    if (free := _take_free(database, name, owner, seconds, now)) is not None:
        return free
    with database.read() as connection:
        row = connection.execute(select(leases).where(leases.c.name == name)).first()
    if row is not None and row.owner != owner and is_held(row, now):
        return None
    with database.write() as connection:
        connection.execute(
            insert_for(connection, leases)
            .values(name=name, owner="", token=0, expires_at=EPOCH, deaths=0)
            .on_conflict_do_nothing()
        )
        before = connection.execute(
            select(leases).where(leases.c.name == name).with_for_update()
        ).one()
        if before.owner != owner and is_held(before, now):
            return None
        own = before.owner == owner and before.expires_at >= now
        deaths = before.deaths + (before.owner != "" and not own)
        connection.execute(
            update(leases)
            .where(leases.c.name == name)
            .values(
                owner=owner,
                token=before.token + 1,
                expires_at=now + timedelta(seconds=seconds),
                deaths=deaths,
            )
        )
    return Lease(name, owner, before.token + 1, seconds, deaths)


def _take_free(
    database: Database, name: str, owner: str, seconds: float, now: datetime
) -> Lease | None:
    """The usual case in one statement, and without waiting for the disk: should a crash of the
    database undo it, the next holder gets the same token, but not the same owner."""
    until = now + timedelta(seconds=seconds)
    row = database.write_briefly(_TAKE, (owner, until, name))
    return None if row is None else Lease(name, owner, row[0], seconds, row[1])


#: Owner and end; then whose: a lease that nobody holds. See `taking` too.
SET_TAKEN = "UPDATE leases SET owner = ?, token = token + 1, expires_at = ?"
IF_FREE = "WHERE name = ? AND owner = ''"
_TAKE = f"{SET_TAKEN} {IF_FREE} RETURNING token, deaths"


def fence(
    connection: Connection, lease: Lease, *, healthy: bool = False, last: bool = False
) -> None:
    """Prove inside a transaction that the lease is still ours, and prolong it; `last` gives it
    back with this transaction."""
    judge(lease, ask_plain(connection, *proof(lease, healthy=healthy, last=last)))


def proof(
    lease: Lease, *, healthy: bool = False, last: bool = False
) -> tuple[str, tuple[object, ...]]:
    """What `fence` asks, for a transaction that asks more in the same breath; see `judge`."""
    until = EPOCH if last else utc_now() + timedelta(seconds=lease.seconds)
    owner = "" if last else lease.owner
    return _FENCE, (owner, until, healthy, lease.name, lease.token, lease.owner)


def judge(lease: Lease, answer: Sequence[object]) -> None:
    """LeaseLostError when the answer to `proof` shows no lease of ours."""
    if len(answer) != 1:
        raise LeaseLostError(lease.name)


_FENCE = (
    "UPDATE leases SET owner = ?, expires_at = ?, deaths = CASE WHEN ? THEN 0 ELSE deaths END"
    " WHERE name = ? AND token = ? AND owner = ? RETURNING token"
)


def release(database: Database, lease: Lease, *, healthy: bool = False) -> None:
    """Give the lease back, unless another holder took it meanwhile."""
    values: dict[str, object] = {"owner": "", "expires_at": EPOCH}
    if healthy:
        values["deaths"] = 0
    with database.write() as connection:
        connection.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.token == lease.token)
            .where(leases.c.owner == lease.owner)
            .values(values)
        )
