"""Which objects differ from the last run: marks kept on disk, named by the cursor.

The cursor moves with the rows it covers, so it never names marks of rows that were not stored. A
machine that has not the file reads everything again, and nothing is lost by it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from connectors._protocols.odata_shelf import Kept, Shelf
from hub.sdk.records import Page, SourceRecord

#: More than this share gone at once looks like lost rights, not like deleted objects.
MAX_GONE_SHARE: Final = 0.3
FEW_GONE: Final = 3
CURSOR: Final = "seen"
PAGE_ROWS: Final = 1000


class Seen:
    """One run of one stream: passes on what changed, then tells what is gone."""

    def __init__(self, folder: str, stream: str, cursor: Mapping[str, Any]) -> None:
        self.folder, self._stream = folder, stream
        self._cursor = dict(cursor)
        self.name = f"seen-{stream}-{secrets.token_hex(8)}.sqlite"
        self.kept = Kept(self.folder, str(cursor.get(CURSOR) or ""))
        self.shelf = Shelf(self.folder, self.name)

    def changed(self, records: Iterable[SourceRecord]) -> Iterator[SourceRecord]:
        """Those whose mark is not the last run's."""
        for record in records:
            mark = _mark(record)
            known = self.kept.mark_of(record.external_id)
            self.shelf.see(record.external_id, mark)
            if mark != known:
                yield record

    def gone(self) -> tuple[list[str], list[tuple[str, str]]]:
        """(ids that are no more, why they are not believed): too many at once are kept as seen."""
        gone = list(self.kept.gone(self.shelf))
        before = self.kept.count()
        if len(gone) > FEW_GONE and len(gone) > before * MAX_GONE_SHARE:
            for key in gone:
                self.shelf.see(key, self.kept.mark_of(key) or b"")
            reason = (
                f"из {before} объектов исчезло {len(gone)}: похоже на потерянные права, "
                "удалёнными они не отмечены"
            )
            return [], [(f"streams.{self._stream}", reason)]
        return gone, []

    def pages(self, found: Iterable[list[SourceRecord]]) -> Iterator[Page]:
        """What changed, page by page under the old cursor."""
        for records in found:
            yield Page(list(self.changed(records)), cursor=self._cursor)

    def last(self, records: list[SourceRecord], rejected: list[tuple[str, str]]) -> Iterator[Page]:
        """The last page, whose cursor names this run's marks; older marks go once it is stored."""
        self.shelf.seal()
        new = {**self._cursor, CURSOR: self.name} if self.folder else self._cursor
        yield Page(records, cursor=new, rejected=rejected)
        for path in Path(self.folder).glob(f"seen-{self._stream}-*") if self.folder else ():
            if path.name != self.name:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let the files go."""
        self.kept.close()
        self.shelf.close()


def _mark(record: SourceRecord) -> bytes:
    said = json.dumps(
        [record.entity, record.deleted, record.data],
        sort_keys=True,
        ensure_ascii=False,
        default=str,
    )
    return hashlib.blake2b(said.encode(), digest_size=12).digest()
