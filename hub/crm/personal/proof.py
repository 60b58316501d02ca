"""What an erasure leaves behind: a document without a word about the person, that proves it.

Each carries the hash of the one before, so none can be taken out or changed unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, insert, select, update

from hub.crm.personal.request import DONE, Work, marks_of
from hub.store import audit, sealed
from hub.store.database import utc_now
from hub.store.models import erased_marks, erasures
from hub.store.store import Store

METHOD: Final = (
    "Records were blanked, raw requests emptied or masked; then every raw request received before"
    " the request to erase and every free text of every table was searched for the phones, e-mails"
    " and INN in their usual spellings, in whole passes, until one found nothing."
)


def complete(
    store: Store,
    db: Connection,
    row: Row[Any],
    work: Work,
    counts: Mapping[str, int],
    left: int,
) -> None:
    """Write the proof, and forget whom it was about."""
    now, marks = utc_now(), marks_of(work.person, sealed.pepper(db, store.vault))
    before = db.scalar(
        select(erasures.c.proof_hash)
        .where(erasures.c.status == DONE)
        .order_by(erasures.c.finished_at.desc(), erasures.c.id.desc())
        .limit(1)
    )
    document = _document(row, work, counts, left, marks, before or "", now)
    db.execute(
        update(erasures)
        .where(erasures.c.id == row.id)
        .values(
            status=DONE,
            step="",
            position=0,
            finished_at=now,
            sealed=None,
            counts=dict(counts),
            proof=document,
            proof_hash=digest(document),
        )
    )
    if marks:
        rows = [{"mark": mark, "erasure_id": row.id} for mark in marks]
        db.execute(insert(erased_marks), rows)
    details = {"erasure": row.id, "hash": digest(document)}
    audit.record(db, row.requested_by, "finish erasure", "erasure", row.id, details)


def _document(
    row: Row[Any],
    work: Work,
    counts: Mapping[str, int],
    left: int,
    marks: Sequence[str],
    before: str,
    now: datetime,
) -> dict[str, Any]:
    return {
        "erasure": row.id,
        "contact": row.contact_id,
        "requested_at": row.requested_at.isoformat(),
        "requested_by": row.requested_by,
        "reason": row.reason,
        "finished_at": now.isoformat(),
        "erased": {name: count for name, count in counts.items() if not name.startswith("_")},
        "checked": {
            "method": METHOD,
            "passes": counts.get("_passes", 0),
            "raw_requests_searched": counts.get("_searched", 0),
            "found_in_last_pass": counts.get("_found", 0) + left,
        },
        "identifiers": {
            "count": len(marks),
            "shared_with_others": len(work.person.shared),
            "marks": marks,
        },
        "previous": before,
    }


def digest(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a proof in its canonical form: JSON, keys sorted, no spaces."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def is_intact(row: Mapping[str, Any]) -> bool:
    """Whether a kept proof still has the hash it was given."""
    return bool(row["proof"]) and digest(row["proof"]) == row["proof_hash"]
