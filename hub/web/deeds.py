"""Judging possible duplicates, each deed with its entry in the audit log: on an admin's page of
duplicates and on the client card alike."""

from __future__ import annotations

from hub.crm import merges
from hub.sdk.errors import Rejected
from hub.store import audit
from hub.store.lists import pages
from hub.web.context import actor, the_store


def merge(kept: int, merged: int) -> None:
    """Merge one client into the other. MergeError when that cannot be."""
    merge_id = merges.merge(the_store(), kept, merged, actor())
    with the_store().database.write() as db:
        details = {"merged": merged, "merge": merge_id}
        audit.record(db, actor(), "merge contacts", "contact", kept, details)


def dismiss(duplicate_id: int) -> None:
    """Say that a pair is two people. Rejected when it is settled already."""
    with the_store().database.write() as db:
        if not pages.dismiss_duplicate(db, duplicate_id):
            raise Rejected("this pair is settled already")
        audit.record(db, actor(), "dismiss duplicate", "possible duplicate", duplicate_id)


def undo(merge_id: int) -> None:
    """Undo a merge. MergeError when there is nothing to undo."""
    merges.unmerge(the_store(), merge_id, actor())
    with the_store().database.write() as db:
        audit.record(db, actor(), "undo merge", "merge", merge_id)
