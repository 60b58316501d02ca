"""What the sweep does besides: goes on with erasing a person, takes away what is over its time.

A short slice each time, so that the sweep stays a sweep; the places are kept in the store.
"""

from __future__ import annotations

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from hub.crm.personal import erase
from hub.sdk.errors import HubError
from hub.store import retention
from hub.store.store import Store

ERASE_SECONDS = 1.0
PURGE_SECONDS = 0.4
#: How often to look whether something is over its time, once nothing was.
LOOK_SECONDS = 300.0
log = logging.getLogger("hub.housekeeping")
_looked: dict[str, float] = {}


def tidy(store: Store) -> None:
    """One slice. What fails is told and tried again: it must not keep the sweep from its work."""
    try:
        erase.work(store, ERASE_SECONDS)
        _purge(store)
    except (HubError, SQLAlchemyError):
        log.exception("housekeeping failed; it goes on with the next sweep")


def _purge(store: Store) -> None:
    now = time.monotonic()
    if now - _looked.get(store.database.url, float("-inf")) < LOOK_SECONDS:
        return
    until = now + PURGE_SECONDS
    while retention.purge(store.database, store.settings):
        if time.monotonic() >= until:
            return
    retention.forget_sign_ins(store.database)
    _looked[store.database.url] = now
