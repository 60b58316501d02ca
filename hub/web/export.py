"""Any list as a file to take away: CSV or XLSX, streamed, within the list's own filters.

A view asks `wanted()` what its reader wants (`?format=csv|xlsx`) and, when it is a file, answers
with `download(...)` in place of the page.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Final

from flask import Response, abort, request, stream_with_context
from flask_babel import gettext as _
from werkzeug.http import dump_options_header

from hub.crm.sheets import Column, Look, Row, csv_chunks, write_xlsx
from hub.sdk.errors import HubError
from hub.store import audit, users
from hub.store.lists.paging import ListPage
from hub.web.context import actor, company_zone, local_now, the_store, the_user
from hub.web.formats import count, locale

__all__ = ["Column", "download", "every", "may_export", "wanted"]
KINDS: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
#: Rows asked for at once.
STEP: Final = 1000
MAX_ROWS: Final = 300_000
_PIECE: Final = 64 * 1024
#: A file is much work for one process that also serves pages: not more of them at once.
_AT_ONCE: Final = threading.BoundedSemaphore(2)


def wanted() -> str:
    """`csv` or `xlsx` when the reader asked for the list as a file, else empty."""
    kind = request.args.get("format", "")
    return kind if kind in KINDS else ""


def may_export() -> bool:
    """Whether this user may take lists away (`export.roles` of hub.yml)."""
    user = the_user()
    allowed = the_store().settings.option("export.roles", list(users.ROLES))
    return user is not None and user.role in allowed


def every(fetch: Callable[[int, str | None], ListPage]) -> Iterator[Row]:
    """All rows of a list, asked for page by page: `fetch(limit, cursor)`.

    Each page is a query of its own, so no transaction is held open while a slow reader downloads.
    """
    cursor: str | None = None
    while True:
        page = fetch(STEP, cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def download(
    name: str, columns: Sequence[Column], rows: Iterable[Row], kind: str, subject: str = ""
) -> Response:
    """The rows as a file `<name> <date>.<kind>`; goes to the audit log.

    `rows` are read while the file goes out and may be a generator over the store; `subject` is what
    the audit log calls the list. 403 for roles that may not; HubError when too many files are
    being made.
    """
    if not may_export():
        abort(403)
    if not _AT_ONCE.acquire(blocking=False):
        raise HubError("other lists are being exported right now: try again in a minute")
    with ExitStack() as until_sent:
        until_sent.callback(_AT_ONCE.release)
        _note(subject or name, kind)
        look = _look()
        # Titles are lazy texts: in the reader's language while there is a request.
        named = [Column(str(one.title), one.value, one.kind, one.width) for one in columns]
        if kind == "csv":
            # Values may be words in the reader's language too.
            body: Iterator[bytes] = stream_with_context(csv_chunks(named, rows, look))
        else:
            file = until_sent.enter_context(tempfile.TemporaryFile(prefix="uzel-export-"))
            write_xlsx(file, named, rows, look)
            body = _pieces(file)
        end = until_sent.pop_all().close
        response = Response(_until_end(body, end), content_type=KINDS[kind])
        filename = f"{name} {local_now().date().isoformat()}.{kind}"
        response.headers["Content-Disposition"] = dump_options_header(
            "attachment", {"filename": filename}
        )
        # A reader who left before the first byte never begins the body.
        response.call_on_close(end)
    return response


def _until_end(body: Iterator[bytes], end: Callable[[], None]) -> Iterator[bytes]:
    """The pieces; the place among the exports is free as soon as the last one is out."""
    try:
        yield from body
    finally:
        end()


def _look() -> Look:
    settings = the_store().settings
    most = int(settings.option("export.max_rows", MAX_ROWS))
    separator = str(settings.option("export.csv_separator", "auto"))
    if separator not in (";", ",", "\t"):
        separator = ";" if locale().language == "ru" else ","
    cut = _("Only the first %(number)s rows are here. Narrow the filters to get the rest.",
            number=count(most))  # fmt: skip
    return Look(company_zone(), separator, most, cut)


def _note(subject: str, kind: str) -> None:
    filters = {
        name: value
        for name, value in request.args.items()
        if value.strip() and name not in ("format", "cursor")
    }
    with the_store().database.write() as db:
        audit.record(db, actor(), "export", subject, "", {"kind": kind, "filters": filters})


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece
