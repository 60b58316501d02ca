"""Requests of the API that carry an Idempotency-Key: who is at work on one, and what came of it.

The id of what a request makes is written in the transaction that makes it. A process that dies
before its answer leaves either nothing, and the request runs anew, or the id, and the answer is
made from that: the effect is there once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, update

from hub.store.database import Database, insert_for, utc_now
from hub.store.leases import EPOCH, LeaseLostError, is_held, owner_name
from hub.store.models import kept_answers

KEPT_FOR: Final = timedelta(hours=24)
#: A process that lives but does not answer is given up after this long.
HELD_FOR: Final = timedelta(seconds=120)
BATCH: Final = 500
#: Done in the transaction that makes a record, with the record's id.
Also = Callable[[Connection, int], None]
_mine = kept_answers.c


@dataclass(frozen=True)
class Claim:
    """The right to work on a request. `made_id`: what an earlier try made before it died."""

    id: int
    owner: str
    made_id: int | None = None
    #: An earlier try died without a word of what it did.
    is_second: bool = False


@dataclass(frozen=True)
class KeptAnswer:
    """What the first request was answered."""

    status_code: int
    headers: Mapping[str, str]
    body: Any


class Refusal(Enum):
    """Why a request is neither carried out nor answered as the first was."""

    OTHER_REQUEST = "other request"
    AT_WORK = "at work"


def take(
    database: Database, token_id: int, key: str, fingerprint: str
) -> Claim | KeptAnswer | Refusal:
    """Claim the request; the first answer where there is one already."""
    now = utc_now()
    key_hash = hashlib.sha256(key.encode()).hexdigest()
    whose = (_mine.token_id == token_id, _mine.key_hash == key_hash)
    owner = f"{owner_name()}.{secrets.token_hex(8)}"
    held = {"owner": owner, "expires_at": now + HELD_FOR}
    values = {"token_id": token_id, "key_hash": key_hash, "fingerprint": fingerprint}
    with database.write() as db:
        db.execute(delete(kept_answers).where(*whose, _mine.begun_at < now - KEPT_FOR))
        entry = insert_for(db, kept_answers).values(**values, **held, begun_at=now)
        made = db.scalar(entry.on_conflict_do_nothing().returning(_mine.id))
        if made is not None:
            return Claim(int(made), owner)
        row = db.execute(select(kept_answers).where(*whose).with_for_update()).first()
        if row is None:
            # Let go of between the two statements; whoever asks again gets it.
            return Refusal.AT_WORK
        if row.fingerprint != fingerprint:
            return Refusal.OTHER_REQUEST
        return _resumed(db, row, held)


def _resumed(
    db: Connection, row: Row[Any], held: Mapping[str, Any]
) -> Claim | KeptAnswer | Refusal:
    if row.status_code is not None:
        return KeptAnswer(row.status_code, row.headers or {}, row.body)
    if is_held(row, utc_now()):
        return Refusal.AT_WORK
    db.execute(update(kept_answers).where(_mine.id == row.id).values(held))
    return Claim(row.id, held["owner"], row.made_id, is_second=True)


def note_made(db: Connection, claim: Claim, record_id: int) -> None:
    """In the transaction that makes it: what the request made. LeaseLostError, so that nothing is
    made, where another process has taken the request over."""
    done = db.execute(update(kept_answers).where(*_of(claim)).values(made_id=record_id))
    if done.rowcount != 1:
        raise LeaseLostError(f"request {claim.id}")


def keep(database: Database, claim: Claim, answer: KeptAnswer) -> None:
    """Keep the answer for whoever sends the request again."""
    values = {"status_code": answer.status_code, "headers": dict(answer.headers)}
    with database.write() as db:
        db.execute(update(kept_answers).where(*_of(claim)).values(**values, body=answer.body))


def let_go(database: Database, claim: Claim, *, is_unsure: bool = False) -> None:
    """No answer came of it: the request may run anew, at once. `is_unsure`: it may have had an
    effect all the same, which the next one must know."""
    free = {"owner": "", "expires_at": EPOCH}
    with database.write() as db:
        if not is_unsure:
            db.execute(delete(kept_answers).where(*_of(claim), _mine.made_id.is_(None)))
        db.execute(update(kept_answers).where(*_of(claim)).values(free))


def forget_old(database: Database) -> int:
    """Take away a batch of those older than a day; how many."""
    old = select(_mine.id).where(_mine.begun_at < utc_now() - KEPT_FOR).limit(BATCH)
    with database.read() as db:
        ids = list(db.scalars(old))
    if ids:
        with database.write(durable=False) as db:
            db.execute(delete(kept_answers).where(_mine.id.in_(ids)))
    return len(ids)


def _of(claim: Claim) -> tuple[Any, ...]:
    return (_mine.id == claim.id, _mine.owner == claim.owner)
