"""Rotating secrets: a new value beside the old ones, each old one ended now or at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, update

from hub.sdk.errors import ConfigError
from hub.store import facts, refused
from hub.store.database import utc_now
from hub.store.models import connections
from hub.store.revisions import keep_revision
from hub.store.secrets import Vault, ends_at, is_valid

#: The parts of a connection's document that its row holds.
PARTS = ("connector", "title", "settings", "schedule", "mappings", "destinations")
MAX_VALUES = 5


@dataclass(frozen=True)
class SecretValue:
    """What may be known of one value of a secret: never the value."""

    number: int
    added_at: datetime | None
    added_by: str
    ends_at: datetime | None
    reference: str


def values_of(vault: Vault, sealed: bytes | None) -> dict[str, list[SecretValue]]:
    """The valid values of every secret, the newest first; `number` names one for `end_value`."""
    now = utc_now()
    return {
        name: [
            SecretValue(
                number,
                datetime.fromisoformat(one["at"]) if one.get("at") else None,
                one.get("by", ""),
                ends_at(one),
                one.get("ref", ""),
            )
            for number, one in enumerate(values)
            if is_valid(one, now)
        ]
        for name, values in vault.open(sealed).items()
    }


def add_value(
    db: Connection,
    vault: Vault,
    row: Row[Any],
    name: str,
    value: str,
    *,
    author: str,
    former_end_at: datetime | None,
) -> None:
    """Put a new value first. The former ones stay valid until `former_end_at`; None: with no end.

    ConfigError when there are too many values already.
    """
    now = utc_now()
    kept = vault.open(row.secrets)
    former = [one for one in kept.get(name, []) if is_valid(one, now)]
    if former_end_at is not None:
        former = [_ended(one, former_end_at) for one in former]
        former = [one for one in former if is_valid(one, now)]
    if len(former) >= MAX_VALUES:
        raise ConfigError(
            "too many values are valid: end an old one first", place=f"secrets.{name}"
        )
    new = {"value": value, "at": now.isoformat(), "by": author}
    note = f"secret {name}: new value"
    _keep(db, vault, row, {**kept, name: [new, *former]}, author, note)


def end_value(
    db: Connection,
    vault: Vault,
    row: Row[Any],
    name: str,
    number: int,
    *,
    author: str,
    at: datetime,
) -> None:
    """End one value now or at a moment. ConfigError for an unknown one, or the only one."""
    now = utc_now()
    kept = vault.open(row.secrets)
    values = kept.get(name, [])
    if not 0 <= number < len(values) or not is_valid(values[number], now):
        raise ConfigError("there is no such value any more", place=f"secrets.{name}")
    lasting = [one for place, one in enumerate(values) if place != number and is_valid(one, now)]
    if not lasting:
        raise ConfigError("this is the only value: add a new one first", place=f"secrets.{name}")
    changed = [
        {**one, "until": at.isoformat()} if place == number else one
        for place, one in enumerate(values)
    ]
    changed = [one for one in changed if is_valid(one, now)]
    _keep(db, vault, row, {**kept, name: changed}, author, f"secret {name}: a value ends")


def _ended(one: dict[str, str], at: datetime) -> dict[str, str]:
    end = ends_at(one)
    return {**one, "until": min(end or at, at).isoformat()}


def _keep(db: Connection, vault: Vault, row: Row[Any], kept: Any, author: str, note: str) -> None:
    revision = row.revision + 1
    # New secrets are the remedy an admin was asked for; a pause is left to a person.
    state = {} if row.state == "paused" else {"state": "active", "state_reason": ""}
    db.execute(
        update(connections)
        .where(connections.c.id == row.id)
        .values(secrets=vault.seal(kept), revision=revision, updated_at=utc_now(), **state)
    )
    document = {part: getattr(row, part) for part in PARTS}
    keep_revision(db, row.id, document, revision, author, note)
    refused.release(db, row.id, utc_now())
    facts.bump_config(db)
