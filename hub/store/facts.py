"""Small facts shared by all processes."""

from __future__ import annotations

from sqlalchemy import Connection, select

from hub.store.database import insert_for, utc_now
from hub.store.models import facts

CONFIG_VERSION = "config_version"


def get_fact(connection: Connection, name: str) -> str | None:
    """The fact's value, or None."""
    return connection.scalar(select(facts.c.value).where(facts.c.name == name))


def set_fact(connection: Connection, name: str, value: str) -> None:
    """Set or replace a fact."""
    insert = insert_for(connection, facts).values(name=name, value=value, updated_at=utc_now())
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["name"],
            set_={"value": insert.excluded.value, "updated_at": insert.excluded.updated_at},
        )
    )


def bump_config(connection: Connection) -> None:
    """Tell every process that connections or mappings changed."""
    version = int(get_fact(connection, CONFIG_VERSION) or 0) + 1
    set_fact(connection, CONFIG_VERSION, str(version))
