"""First answers of the API, for requests that are sent again."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, UniqueConstraint

from hub.store.models.base import id_column, metadata
from hub.store.types import Id, Json, UtcTime

#: One row for each request with an Idempotency-Key, from its beginning; tidied after a day.
kept_answers = Table(
    "kept_answers",
    metadata,
    id_column(),
    Column("token_id", Id, nullable=False),
    #: SHA-256 of the key: what a program puts into it may be a client's phone.
    Column("key_hash", String(64), nullable=False),
    #: SHA-256 of method, path and body: the same key with another one is a mistake.
    Column("fingerprint", String(64), nullable=False),
    Column("begun_at", UtcTime, nullable=False, index=True),
    #: Who is at work on it; held as a lease is.
    Column("owner", String(255), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    #: What the request made, written in the transaction that made it.
    Column("made_id", Id),
    #: The answer; NULL while there is none.
    Column("status_code", Integer),
    Column("headers", Json),
    #: As JSON and not as text: an erasure masks a person in it as in every other column.
    Column("body", Json),
    UniqueConstraint("token_id", "key_hash"),
)
