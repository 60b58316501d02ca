"""The audit log: who changed what, and who looked at a client's personal data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from hub.store.database import utc_now
from hub.store.models import audit


def record(
    db: Connection,
    actor: str,
    action: str,
    subject: str,
    subject_id: object = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry: `actor` did `action` (viewed, changed, replayed …) to this subject."""
    db.execute(
        insert(audit).values(
            at=utc_now(),
            actor=actor,
            action=action,
            subject=subject,
            subject_id=str(subject_id),
            details=dict(details or {}),
        )
    )
