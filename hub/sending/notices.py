"""Notices of incidents to people: what is due for a channel goes as one message, once.

A message's rows and its key are put down before it is sent; a retry sends the very same message
under the same key, which mail programs and webhook receivers know a repeat by.
"""

from __future__ import annotations

import logging
import secrets as randomness
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row
from standardwebhooks import Webhook

from hub.sdk.errors import ConfigError, HubError
from hub.sdk.http import HttpClient
from hub.sending import mail
from hub.sending.notice_texts import EVENTS, SUBJECTS, title_of
from hub.settings import Settings
from hub.store import leases, notice_channels
from hub.store.database import utc_now
from hub.store.store import Store

TELEGRAM = "https://api.telegram.org"
MAX_LINES = 20
#: Seconds before each new try.
RETRIES = (30, 120, 600, 1800, 3600, 7200, 14400, 28800)
LEASE_SECONDS = 180.0
MAX_WAITING = 200
log = logging.getLogger("hub.notices")


@dataclass(frozen=True)
class Message:
    """What one channel is told at once."""

    key: str
    lines: Sequence[str]
    #: The same for programs.
    items: Sequence[Mapping[str, Any]]
    language: str
    address: str = ""

    @property
    def subject(self) -> str:
        """The message in a line."""
        if len(self.items) == 1:
            return SUBJECTS["one"][self.language].format(line=self.lines[0])
        return SUBJECTS["many"][self.language].format(count=len(self.items))

    @property
    def text(self) -> str:
        """The message as people read it."""
        shown = list(self.lines[:MAX_LINES])
        if len(self.lines) > MAX_LINES:
            more = len(self.lines) - MAX_LINES
            shown.append(SUBJECTS["more"][self.language].format(count=more))
        if self.address:
            shown += ["", SUBJECTS["all"][self.language].format(address=self.address)]
        return "\n".join(shown)


def send_due(store: Store, now: datetime | None = None) -> int:
    """Send what is due; returns how many messages went out. Safe in several workers at once."""
    moment = now or utc_now()
    with store.database.read() as db:
        due = notice_channels.due_channels(db, moment)
    return sum(_serve(store, channel_id, moment) for channel_id in due)


def try_channel(store: Store, channel_id: int) -> None:
    """Send a test message now. HubError says what failed."""
    with store.database.read() as db:
        channel = notice_channels.get(db, channel_id)
    if channel is None:
        raise ConfigError("there is no such channel")
    language = store.settings.language
    line = f"{EVENTS['test'][language]}: {SUBJECTS['test'][language]}"
    item = {"event": "test", "title": line}
    message = Message(_new_key(), [line], [item], language, site_address(store.settings))
    deliver(store, channel, message)
    with store.database.write() as db:
        notice_channels.note_channel(db, channel_id, error_message="")


def site_address(settings: Settings) -> str:
    """Where the incidents are to be seen; `notices.site_url` of hub.yml."""
    base = str(settings.option("notices.site_url", "") or f"http://{settings.host}:{settings.port}")
    return f"{base.rstrip('/')}/admin/incidents"


def _serve(store: Store, channel_id: int, now: datetime) -> int:
    lease = leases.acquire(
        store.database, f"notices-{channel_id}", leases.owner_name(), LEASE_SECONDS
    )
    if lease is None:
        return 0
    try:
        return _send(store, channel_id, lease, now)
    except leases.LeaseLostError:
        return 0
    finally:
        leases.release(store.database, lease, healthy=True)


def _send(store: Store, channel_id: int, lease: leases.Lease, now: datetime) -> int:
    with store.database.read() as db:
        channel = notice_channels.get(db, channel_id)
        rows = notice_channels.waiting(db, channel_id, MAX_WAITING)
    rows = [row for row in rows if row["due_at"] <= now]
    if channel is None or not rows:
        return 0
    ids = [row["id"] for row in rows]
    if not channel.is_active:
        with store.database.write() as db:
            notice_channels.mark(db, ids, status="dead", error_message="the channel is off")
        return 0
    begun = next((row["message_key"] for row in rows if row["message_key"]), "")
    if begun:
        rows = [row for row in rows if row["message_key"] == begun]
    elif (later := _not_before(channel, rows)) > now:
        with store.database.write() as db:
            notice_channels.mark(db, ids, due_at=later)
        return 0
    key, ids = begun or _new_key(), [row["id"] for row in rows]
    tries = rows[0]["attempts"] + 1
    with store.database.write() as db:
        leases.fence(db, lease, healthy=True)
        notice_channels.mark(db, ids, message_key=key, attempts=tries)
    return _deliver(store, channel, _message(store.settings, key, rows), ids, tries, now)


def _deliver(
    store: Store, channel: Row[Any], message: Message, ids: list[int], tries: int, now: datetime
) -> int:
    try:
        deliver(store, channel, message)
    except HubError as error:
        is_over = tries > len(RETRIES)
        values: dict[str, Any] = {"error_message": error.message[:1000]}
        if is_over:
            values["status"] = "dead"
        else:
            values["due_at"] = now + timedelta(seconds=RETRIES[tries - 1])
        with store.database.write() as db:
            notice_channels.mark(db, ids, **values)
            notice_channels.note_channel(db, channel.id, error_message=error.message[:1000])
        log.warning("notice not sent", extra={"channel": channel.id, "reason": error.message[:300]})
        return 0
    with store.database.write() as db:
        notice_channels.mark(db, ids, status="sent", sent_at=utc_now(), error_message="")
        notice_channels.note_channel(db, channel.id, sent_at=utc_now(), error_message="")
    log.info("notice sent", extra={"channel": channel.id, "notices": len(ids)})
    return 1


def _not_before(channel: Row[Any], rows: Sequence[Mapping[str, Any]]) -> datetime:
    """When the channel may speak again; a critical trouble waits a minute at most."""
    if channel.sent_at is None:
        return datetime.min.replace(tzinfo=UTC)
    minutes = int(channel.interval_minutes)
    if any(row["severity"] == "critical" for row in rows):
        minutes = min(minutes, 1)
    at: datetime = channel.sent_at + timedelta(minutes=minutes)
    return at


def _message(settings: Settings, key: str, rows: Sequence[Mapping[str, Any]]) -> Message:
    """One line for each incident: what came and went meanwhile is told as such."""
    language, address = settings.language, site_address(settings)
    by_incident: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_incident.setdefault(row["incident_id"], []).append(row)
    lines, items = [], []
    for turns in by_incident.values():
        last = turns[-1]
        event = last["event"]
        if event == "recovered" and turns[0]["event"] != "recovered":
            event = "passed"
        title = title_of(_named(last), language)
        mark = "✅" if event in ("recovered", "passed") else "🔴"
        if event not in ("recovered", "passed") and last["severity"] == "warning":
            mark = "🟡"
        lines.append(f"{mark} {EVENTS[event][language]}: {title}")
        items.append(
            {
                "event": event,
                "incident_id": last["incident_id"],
                "kind": last["kind"],
                "cause": last["cause"],
                "connection": last["connection"],
                "severity": last["severity"],
                "count": last["count"],
                "title": title,
                "message": last["message"],
                "at": last["created_at"].isoformat(),
                "url": f"{address}/{last['incident_id']}",
            }
        )
    return Message(key, lines, items, language, address)


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "subject": row["subject"] or row["connection_title"] or ""}


def deliver(store: Store, channel: Row[Any], message: Message) -> None:
    """Hand a message to a channel; HubError when it was not taken, without any secret in it."""
    secrets = store.vault.open(channel.secrets)
    try:
        _WAYS[channel.kind](store.settings, channel.settings, secrets, message)
    except HubError as error:
        text = error.message
        for value in secrets.values():
            text = text.replace(str(value), "•••")
        error.message = text
        raise


def _mail(
    settings: Settings, given: Mapping[str, Any], _secrets: Mapping[str, Any], message: Message
) -> None:
    server = mail.required_server(settings)
    domain = server.sender.rpartition("@")[2].rstrip("> ")
    for place, recipient in enumerate(given.get("to") or ()):
        name = f"<{message.key}.{place}@{domain}>"
        mail.send(server, mail.Letter(recipient, message.subject, message.text, message_id=name))


def _telegram(
    settings: Settings, given: Mapping[str, Any], secrets: Mapping[str, Any], message: Message
) -> None:
    base = str(settings.option("notices.telegram_api", TELEGRAM) or TELEGRAM)
    client = HttpClient(base)
    body = {
        "chat_id": given.get("chat_id"),
        "text": message.text[:4000],
        "disable_web_page_preview": True,
    }
    client.request("POST", f"/bot{secrets.get('token', '')}/sendMessage", json=body, retry=False)


def _webhook(
    _settings: Settings, given: Mapping[str, Any], secrets: Mapping[str, Any], message: Message
) -> None:
    url, now = str(given.get("url", "")), utc_now()
    document = {
        "type": "incident.notice",
        "timestamp": now.isoformat(),
        "data": {"text": message.text, "items": list(message.items)},
    }
    body = orjson.dumps(document)
    signature = Webhook(secrets.get("secret", "")).sign(message.key, now, body.decode())
    headers = {
        "content-type": "application/json",
        "webhook-id": message.key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    HttpClient(url).request("POST", url, data=body, headers=headers, retry=False)


_WAYS = {"mail": _mail, "telegram": _telegram, "webhook": _webhook}


def _new_key() -> str:
    return f"msg_{randomness.token_hex(12)}"
