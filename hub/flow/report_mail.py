"""Sends the letters of reports that are due: one process at a time, each letter claimed first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

from hub.sdk.errors import HubError, RetryLater
from hub.sending import mail
from hub.store import leases, report_mail
from hub.store.database import utc_now
from hub.store.report_mail import Task
from hub.store.store import Store

LEASE = "report-mail"
#: The slowest mail server takes less for one letter.
LEASE_SECONDS = 300.0
#: Minutes to wait before each new try when the mail server is not ready.
WAITS_MINUTES = (5, 15, 60, 180)
Compose = Callable[[Store, Task], mail.Letter]
log = logging.getLogger(__name__)


def send_due(store: Store, compose: Compose) -> int:
    """Send what is due; returns how many letters went out.

    `compose` writes a letter. A process that dies leaves its letter waiting, and whoever sends next
    takes it up under the same Message-ID: if the dead one had handed it in without noting it, mail
    programs show one letter.
    """
    now, zone = utc_now(), ZoneInfo(store.settings.timezone)
    report_mail.open_slots(store.database, now, zone)
    if not report_mail.due_letters(store.database, now, zone):
        return 0
    lease = leases.acquire(store.database, LEASE, leases.owner_name(), LEASE_SECONDS)
    if lease is None:
        return 0
    try:
        due = report_mail.due_letters(store.database, now, zone)
        return sum(_send(store, lease, compose, task) for task in due)
    finally:
        leases.release(store.database, lease, healthy=True)


def _send(store: Store, lease: leases.Lease, compose: Compose, task: Task) -> bool:
    with store.database.write() as db:
        leases.fence(db, lease, healthy=True)
        report_mail.begin(db, task.letter_id)
    try:
        mail.send(mail.required_server(store.settings), compose(store, task))
    except HubError as error:
        _put_off(store, lease, task, error)
        return False
    with store.database.write() as db:
        leases.fence(db, lease, healthy=True)
        report_mail.sent(db, task.letter_id)
    log.info("a report was mailed", extra={"report": task.report, "letter": task.letter_id})
    return True


def _put_off(store: Store, lease: leases.Lease, task: Task, error: HubError) -> None:
    again = None
    if isinstance(error, RetryLater) and task.tries < len(WAITS_MINUTES):
        again = utc_now() + timedelta(minutes=WAITS_MINUTES[task.tries])
    with store.database.write() as db:
        leases.fence(db, lease, healthy=True)
        report_mail.not_sent(db, task.letter_id, error.message, again)
    log.warning("a report was not mailed", extra={"letter": task.letter_id, "reason": error.code})
