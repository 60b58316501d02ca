"""The job every Python peer does: verify → map → upsert contact and call, with plain drivers.

Run by the peers' own environments too: nothing but the standard library and, when the place is
PostgreSQL, psycopg. «?» stands for a parameter; for psycopg it becomes «%s».
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
from datetime import UTC, datetime
from typing import Any

SECRET = b"a secret of the bench"
SIGNATURE_HEADER = "X-Signature"
PATH = "/in/calls"
STATUSES = {1: "answered", 2: "missed", 3: "busy", 4: "failed"}

#: `history` takes one line per execution: a job that runs twice shows here, and only here.
TABLES = """
create table contacts (id {key}, phone text not null unique, name text, email text,
  updated_at text not null);
create table calls (id {key}, external_id text not null unique, contact_id bigint not null,
  direction text, status text, from_number text, to_number text, line_number text,
  started_at text, answered_at text, ended_at text, wait_seconds integer, talk_seconds integer,
  recording_url text, manager text);
create table history (id {key}, contact_id bigint not null, external_id text not null,
  kind text not null, at text not null);
create index history_external on history (external_id)
"""
CALL_FIELDS = (
    "external_id", "contact_id", "direction", "status", "from_number", "to_number", "line_number",
    "started_at", "answered_at", "ended_at", "wait_seconds", "talk_seconds", "recording_url",
    "manager",
)  # fmt: skip
UPSERT_CONTACT = (
    "insert into contacts (phone, name, email, updated_at) values (?, ?, ?, ?) on conflict (phone)"
    " do update set name = excluded.name, email = excluded.email, updated_at = excluded.updated_at"
    " returning id"
)
UPSERT_CALL = (
    f"insert into calls ({', '.join(CALL_FIELDS)}) values ({', '.join('?' * len(CALL_FIELDS))})"  # noqa: S608  # names above
    " on conflict (external_id) do update set "
    + ", ".join(f"{name} = excluded.{name}" for name in CALL_FIELDS[1:])
)
APPEND_HISTORY = "insert into history (contact_id, external_id, kind, at) values (?, ?, 'call', ?)"


def sign(body: bytes) -> str:
    """The header's value."""
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def verified(body: bytes, signature: str | None) -> bool:
    """Whether the body is signed with our secret."""
    return hmac.compare_digest(sign(body), signature or "")


def connect(address: str) -> Any:
    """A connection to the place where contacts and calls live; «postgresql://…» or a file."""
    if address.startswith("postgresql"):
        import psycopg

        return psycopg.connect(address, autocommit=True)
    database = sqlite3.connect(address, timeout=30, isolation_level=None, check_same_thread=False)
    database.execute("pragma synchronous = full")
    return database


def create_tables(address: str) -> None:
    """Make an empty place."""
    database = connect(address)
    is_postgres = address.startswith("postgresql")
    if not is_postgres:
        database.execute("pragma journal_mode = wal")
    key = (
        "bigint generated always as identity primary key" if is_postgres else "integer primary key"
    )
    for statement in TABLES.format(key=key).split(";"):
        database.execute(statement)
    database.close()


class Place:
    """The open place of this process; a forked child opens its own."""

    def __init__(self, address: str) -> None:
        self._address, self._pid, self._database = address, 0, None

    @property
    def database(self) -> Any:
        """The connection, made on first use in each process."""
        if self._pid != os.getpid():
            self._database, self._pid = connect(self._address), os.getpid()
        return self._database

    def do(self, body: str) -> None:
        """Map one event and bring it in, in one transaction."""
        call = mapped(json.loads(body))
        self._execute("begin" if self._address.startswith("postgresql") else "begin immediate")
        try:
            now = datetime.now(UTC).isoformat()
            contact = (call["from_number"], call.pop("name"), call.pop("email"), now)
            call["contact_id"] = self._execute(UPSERT_CONTACT, contact).fetchone()[0]
            self._execute(UPSERT_CALL, tuple(call[name] for name in CALL_FIELDS))
            self._execute(APPEND_HISTORY, (call["contact_id"], call["external_id"], now))
            self._execute("commit")
        except BaseException:
            self._execute("rollback")
            raise

    def _execute(self, statement: str, parameters: tuple[Any, ...] = ()) -> Any:
        if self._address.startswith("postgresql"):
            statement = statement.replace("?", "%s")
        return self.database.execute(statement, parameters)


def mapped(event: dict[str, Any]) -> dict[str, Any]:
    """The sender's event as a call, with its contact's name and e-mail."""
    call, client = event["call"], event["call"]["client"]
    return {
        "external_id": call["id"],
        "direction": "in" if call["direction"] == 1 else "out",
        "status": STATUSES.get(call["result"], "failed"),
        "from_number": phone(call["from"]["number"]),
        "to_number": phone(call["to"]["number"]),
        "line_number": phone(call["line"]),
        "started_at": moment(call["created"]),
        "answered_at": moment(call["answered"]),
        "ended_at": moment(call["ended"]),
        "wait_seconds": call["answered"] - call["created"],
        "talk_seconds": call["ended"] - call["answered"],
        "recording_url": call["recording"]["url"],
        "manager": call["to"]["user"],
        "name": " ".join(client["name"].split()),
        "email": client["email"].strip().lower(),
    }


def phone(text: str) -> str:
    """A Russian number as E.164."""
    digits = "".join(letter for letter in text if letter.isdigit())
    return "+7" + digits[-10:]


def moment(seconds: int) -> str:
    """Unix time as text in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
