"""Who is signed in where, links sent to people, second factors, erased persons."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from hub.store.models.base import id_column, metadata
from hub.store.types import Id, Json, LongText, Short, UtcTime

#: One browser in which somebody is signed in. The cookie, which is signed, carries the id.
sign_ins = Table(
    "sign_ins",
    metadata,
    id_column(),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("address", Short, nullable=False, default=""),
    Column("agent", Short, nullable=False, default=""),
    #: password | totp | recovery | oidc | link
    Column("way", String(16), nullable=False, default="password"),
    Column("ended_at", UtcTime),
    Index("ix_sign_ins_user", "user_id", "ended_at", "id"),
)

#: One-time links: only the SHA-256 of what stands in the link is kept. kind: invite | reset
invitations = Table(
    "invitations",
    metadata,
    id_column(),
    Column("kind", String(8), nullable=False),
    Column("email", Short, nullable=False, index=True),
    Column("name", Short, nullable=False, default=""),
    Column("role", String(16), nullable=False, default=""),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE")),
    Column("token_hash", Short, nullable=False, unique=True),
    Column("created_by", Short, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Column("revoked_at", UtcTime),
)

#: The second factor of a user: the sealed secret; confirmed once a code of it was right.
totp = Table(
    "totp",
    metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("confirmed_at", UtcTime),
    #: The time step of the last code taken: neither it nor an earlier one is taken again.
    Column("last_step", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("locked_until", UtcTime),
)

#: Codes for whoever lost the phone: hashed, each good once.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    id_column(),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("code_hash", Short, nullable=False),
    Column("used_at", UtcTime),
)

#: A person made forgotten. status: running → done; `sealed` holds whom, until it is done.
erasures = Table(
    "erasures",
    metadata,
    id_column(),
    Column("contact_id", Id),
    Column("status", String(16), nullable=False, default="running"),
    Column("step", String(64), nullable=False, default="records"),
    #: How far the step has come: the id it last looked at.
    Column("position", Id, nullable=False, default=0),
    Column("reason", LongText, nullable=False),
    Column("requested_by", Short, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("sealed", LargeBinary),
    #: {what: how many}
    Column("counts", Json, nullable=False, default=dict),
    Column("proof", Json),
    Column("proof_hash", Short),
    Index("ix_erasures_status", "status", "id"),
    Index("ix_erasures_contact", "contact_id"),
)

#: Marks by which an erased phone or e-mail is known again: keyed digests, nothing to read.
erased_marks = Table(
    "erased_marks",
    metadata,
    Column("mark", Short, primary_key=True),
    Column("erasure_id", Id, ForeignKey("erasures.id", ondelete="CASCADE"), primary_key=True),
)
