"""Events by what stands in their bodies: a bounded look, newest first, that says where it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import jmespath
import orjson
from jmespath.exceptions import JMESPathError
from sqlalchemy import Connection

from hub.sdk.errors import HubError, Rejected
from hub.sdk.payload import load_form, load_json
from hub.store.database import Database
from hub.store.event_rows import read_events
from hub.store.lists import event_pages
from hub.store.lists.event_filters import EventFilters
from hub.store.lists.event_pages import SearchPage
from hub.store.lists.paging import encode_cursor

#: Bodies that one page reads, and that «further» does.
BODIES, FURTHER_BODIES = 500, 10_000
#: Bodies read at once.
CHUNK = 250
#: Together with BODIES this bounds what a page reads.
MAX_BYTES = 64 * 1024 * 1024
Test = Callable[[Mapping[str, Any]], bool]


def search(
    database: Database, filters: EventFilters, limit: int, cursor: str | None, *, further: bool
) -> SearchPage:
    """A page of events. Where bodies must be read, at most BODIES of them are (`further`:
    FURTHER_BODIES); `searched` and `reached_at` then say how far the look went.

    CursorError for a cursor that is not ours, Rejected for a path that is none.
    """
    test = tester(filters)
    window = event_pages.FURTHER if further else event_pages.WINDOW
    with database.read() as db:
        if test is None:
            return event_pages.find_page(db, filters, limit, cursor, window)
        return _look(db, filters, test, limit, cursor, FURTHER_BODIES if further else BODIES)


def newer(
    database: Database, filters: EventFilters, after: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Events above this id that fit, newest first, at most `limit`; and the id looked up to."""
    with database.read() as db:
        last = event_pages.span_of(db, EventFilters()).high
        if last <= after:
            return [], after
        start = max(after, last - BODIES)
        ids, place = event_pages.next_ids(db, filters, start, last, limit)
        fits = matching(db, ids, filters)
        return event_pages.rows_of(db, fits), place


def _look(
    db: Connection,
    filters: EventFilters,
    test: Test,
    limit: int,
    cursor: str | None,
    most: int,
) -> SearchPage:
    found: list[dict[str, Any]] = []
    searched = size = 0
    reached = None
    while searched < most and size < MAX_BYTES:
        page = event_pages.find_page(db, filters, CHUNK, cursor)
        fits = {
            row["id"] for row in read_events(db, [row["id"] for row in page.items]) if test(row)
        }
        for row in page.items:
            searched += 1
            size += row["size_bytes"]
            reached = row["received_at"]
            if row["id"] not in fits:
                continue
            found.append(row)
            if len(found) == limit:
                return SearchPage(found, encode_cursor(event_pages.ORDER, None, row["id"]))
        cursor = page.next_cursor
        if cursor is None:
            return SearchPage(found)
        if page.searched:
            # The window of what has no index ended: another page goes on.
            return SearchPage(found, cursor, searched + page.searched, page.reached_at)
    return SearchPage(found, cursor, searched, reached)


def matching(db: Connection, ids: Iterable[int], filters: EventFilters) -> list[int]:
    """Those of the events whose bodies fit, in order of id."""
    test = tester(filters)
    if test is None:
        return sorted(ids)
    return [row["id"] for row in read_events(db, sorted(ids)) if test(row)]


def tester(filters: EventFilters) -> Test | None:
    """What tells whether an event's body fits; None when any does. Rejected for a wrong path."""
    tests = []
    if filters.text:
        tests.append(_contains(filters.text))
    if filters.path:
        tests.append(_gives(filters.path, filters.equals))
    if not tests:
        return None
    return lambda row: all(test(row) for test in tests)


def _contains(text: str) -> Test:
    wanted = text.casefold()
    plain = text.encode()

    def test(row: Mapping[str, Any]) -> bool:
        body = bytes(row["body"])
        if plain in body or wanted in body.decode("utf-8", "replace").casefold():
            return True
        # «\u041f» and «%D0%9F» hide letters: look into what the body says.
        if b"\\u" not in body and b"%" not in body:
            return False
        said = body_data(row)
        return said is not None and wanted in orjson.dumps(said, default=str).decode().casefold()

    return test


def _gives(path: str, equals: str) -> Test:
    compiled = _compiled(path)

    def test(row: Mapping[str, Any]) -> bool:
        try:
            value = compiled.search(body_data(row))
        except JMESPathError:
            return False
        if value is None:
            return False
        return not equals or _same(value, equals)

    return test


@lru_cache(maxsize=64)
def _compiled(path: str) -> Any:
    try:
        return jmespath.compile(path)
    except JMESPathError as error:
        place = str(error).splitlines()[0] if str(error) else path
        raise Rejected(f"the path cannot be read: {place}") from None


def _same(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    if isinstance(value, list):
        return any(_same(one, wanted) for one in value)
    return str(value) == wanted


def body_data(row: Mapping[str, Any]) -> Any:
    """What a body says: JSON, or a form's fields (JSON inside one is opened); None when neither."""
    body = bytes(row["body"])
    try:
        if body.lstrip()[:1] in (b"{", b"["):
            return load_json(body)
        headers = {name.lower(): value for name, value in row["headers"]}
        kind = headers.get("content-type", "")
        if "form" not in kind:
            return None
        form = load_form(body, kind)
        return {name: _opened(value) for name, value in dict(form.items()).items()}
    except (HubError, ValueError, RecursionError):
        return None


def _opened(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return load_json(value.encode())
        except HubError:
            return value
    return value
