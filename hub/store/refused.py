"""What a destination refused for its credentials: let go at once when it takes them again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text, update

from hub.store.models import deliveries


def release(connection: Connection, destination_id: int, now: datetime) -> None:
    """Let go at once what this destination refused for its credentials: it takes them again."""
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.connection_id == destination_id,
            text("deliveries.status in ('pending', 'waiting')"),
            deliveries.c.status == "waiting",
            deliveries.c.error_code == "auth",
        )
        .values(due_at=now)
    )
