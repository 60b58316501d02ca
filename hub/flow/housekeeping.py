"""Chores that keep the store in order: going on with erasing a person, taking away what is over its
time, taking up stock that changed.

A slice each time, in a thread of the scheduler's; the places are kept in the store.
"""

from __future__ import annotations

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from hub.crm.personal import erase
from hub.flow.stock_out import priority_of
from hub.sdk.errors import HubError
from hub.store import kept_answers, retention, stock_items
from hub.store.store import Store

ERASE_SECONDS = 1.0
PURGE_SECONDS = 0.4
#: How often to look whether something is over its time, once nothing was.
LOOK_SECONDS = 300.0
#: Stock that webhooks and products brought is taken up in steps.
ITEM_STEPS = 4
log = logging.getLogger("hub.housekeeping")
_looked: dict[str, float] = {}


def tidy(store: Store) -> None:
    """One slice. What fails is told and tried again: the other chores go on."""
    try:
        erase.work(store, ERASE_SECONDS)
        _purge(store)
    except (HubError, SQLAlchemyError):
        log.exception("housekeeping failed; it goes on with the next round")


def catch_up(store: Store) -> None:
    """Take up the stock that changed since the last round."""
    stock_items.catch_up(store.database, priority_of(store), steps=ITEM_STEPS)


def _purge(store: Store) -> None:
    now = time.monotonic()
    if now - _looked.get(store.database.url, float("-inf")) < LOOK_SECONDS:
        return
    until = now + PURGE_SECONDS
    while retention.purge(store.database, store.settings):
        if time.monotonic() >= until:
            return
    retention.forget_sign_ins(store.database)
    while kept_answers.forget_old(store.database):
        if time.monotonic() >= until:
            return
    _looked[store.database.url] = now
