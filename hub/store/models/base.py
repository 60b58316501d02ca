"""One MetaData for every table, with names for all constraints so that migrations can find them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData

from hub.store.types import Id, Json, Short, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_column() -> Column[int]:
    """The surrogate key."""
    return Column("id", Id, primary_key=True, autoincrement=True)


def connection_column(**options: Any) -> Column[int]:
    """The connection a row came through."""
    return Column("connection_id", Id, ForeignKey("connections.id"), **options)


def contact_column(**options: Any) -> Column[int]:
    """The contact a row belongs to."""
    return Column("contact_id", Id, ForeignKey("contacts.id"), **options)


def record_columns() -> list[Column[Any]]:
    """What every CRM record has: where it came from and who set each field.

    `origins` is {field: {"v": version, "at": time, "e": event id | "r": run id | "u": user id |
    "dl": id of the delivery whose receipt said it}}.
    """
    return [
        id_column(),
        connection_column(),
        Column("external_id", Short),
        Column("created_at", UtcTime, nullable=False),
        Column("updated_at", UtcTime, nullable=False),
        Column("deleted_at", UtcTime),
        Column("extra", Json, nullable=False, default=dict),
        Column("origins", Json, nullable=False, default=dict),
    ]
