"""Sends the letters that remind of tasks, each once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hub.crm.task_rules import remind_span
from hub.sdk.errors import HubError, RetryLater
from hub.sending import mail
from hub.store import task_mail
from hub.store.database import utc_now
from hub.store.store import Store
from hub.store.task_mail import Reminder

Compose = Callable[[Store, Reminder], mail.Letter]
log = logging.getLogger(__name__)


def send_due(store: Store, compose: Compose) -> int:
    """Send what is due; returns how many letters went out. `compose` writes a letter."""
    server = mail.server_of(store.settings)
    if server is None:
        return 0
    due = task_mail.due(store.database, utc_now(), remind_span(store.settings))
    count = 0
    for one in due:
        if not task_mail.begin(store.database, one):
            continue
        try:
            mail.send(server, compose(store, one), tries=1)
        except RetryLater as error:
            task_mail.take_back(store.database, one.task_id)
            log.warning("reminders wait for the mail server", extra={"reason": error.code})
            # What it refuses now it refuses to the next letter too.
            break
        except HubError as error:
            # Nothing that time mends: the mark stays, and the page still reminds.
            log.warning("a task was not mailed", extra={"task": one.task_id, "reason": error.code})
            continue
        task_mail.sent(store.database, one.task_id)
        count += 1
    return count
