"""What is sealed besides the connections' secrets, so that a new key seals all of it anew."""

from __future__ import annotations

import secrets
from typing import Any, Final

from sqlalchemy import Column, Connection, LargeBinary, Table, select, update

from hub.store import facts
from hub.store.models import connections, metadata
from hub.store.secrets import Vault

#: The fact that holds the sealed key of the marks by which erased persons are known again.
PEPPER: Final = "erased_pepper"
#: Binary columns of these names are sealed, in whatever table.
_NAMES: Final = frozenset({"secret", "secrets", "sealed"})


def columns() -> list[tuple[Table, Column[Any], Column[Any]]]:
    """(table, its key, the column) of everything sealed but the connections' secrets."""
    return [
        (table, next(iter(table.primary_key)), column)
        for table in metadata.sorted_tables
        for column in table.c
        if table is not connections
        and column.name in _NAMES
        and isinstance(column.type, LargeBinary)
    ]


def rotate_others(db: Connection, vault: Vault) -> None:
    """Seal everything but the connections' secrets with the vault's first key."""
    for table, key, column in columns():
        for row in db.execute(select(key, column).where(column.is_not(None))).all():
            values = {column.name: vault.rotate(row[1])}
            db.execute(update(table).where(key == row[0]).values(values))
    if kept := facts.get_fact(db, PEPPER):
        facts.set_fact(db, PEPPER, vault.rotate(kept.encode()).decode())


def pepper(db: Connection, vault: Vault) -> bytes:
    """The key of the marks, made on first use; a new key of the hub does not change it."""
    kept = facts.get_fact(db, PEPPER)
    if kept is None:
        made = secrets.token_hex(32)
        facts.set_fact(db, PEPPER, vault.seal({"pepper": made}).decode())
        return made.encode()
    return str(vault.open(kept.encode())["pepper"]).encode()
