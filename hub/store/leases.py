"""Leases with fencing: who may work on what, and proof of it inside the working transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from hub.store.database import Database, insert_for, utc_now
from hub.store.models import leases

EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


class LeaseLostError(Exception):
    """Another worker holds the lease now; nothing this one wrote counts."""


@dataclass(frozen=True)
class Lease:
    """A held lease. `deaths` counts the holders before this one that died holding it."""

    name: str
    owner: str
    token: int
    seconds: float
    deaths: int


def acquire(database: Database, name: str, owner: str, seconds: float) -> Lease | None:
    """Take the lease if it is free or has run out; None when somebody holds it."""
    now = utc_now()
    with database.read() as connection:
        held = connection.execute(
            select(leases.c.owner).where(
                leases.c.name == name, leases.c.owner != "", leases.c.expires_at >= now
            )
        ).first()
    if held:
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
        if before.owner and before.expires_at >= now:
            return None
        deaths = before.deaths + 1 if before.owner else before.deaths
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


def fence(connection: Connection, lease: Lease, *, healthy: bool = False) -> None:
    """Prove inside a transaction that the lease is still ours, and prolong it."""
    values: dict[str, object] = {"expires_at": utc_now() + timedelta(seconds=lease.seconds)}
    if healthy:
        values["deaths"] = 0
    done = connection.execute(
        update(leases)
        .where(leases.c.name == lease.name, leases.c.token == lease.token)
        .values(values)
    )
    if done.rowcount != 1:
        raise LeaseLostError(lease.name)


def release(database: Database, lease: Lease) -> None:
    """Give the lease back, unless another holder took it meanwhile."""
    with database.write() as connection:
        connection.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.token == lease.token)
            .values(owner="", expires_at=EPOCH)
        )
