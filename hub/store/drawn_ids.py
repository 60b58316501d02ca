"""Ids of records to come, drawn from PostgreSQL's sequences many at once.

What one transaction leaves of them serves the next one of this session; what a session leaves is a
gap in the numbers, which mean nothing. No other session gets them: a server that crashed may give
the same numbers again, for what a sequence gave is on the disk only with the next commit. But then
every session has ended, and what it had drawn with it.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from typing import Final

from sqlalchemy import Connection

AT_ONCE: Final = 100
_NEXT: Final = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s::int)"
_DRAWN: Final = "uzel_drawn_ids"


def drawn_id(connection: Connection, table: str) -> int:
    """An id that no other record of this table has or will have."""
    # A forked child must not use what its parent drew.
    drawn = connection.info.setdefault(_DRAWN, defaultdict(deque))
    pool: deque[int] = drawn[os.getpid(), table]
    while True:
        try:
            return pool.popleft()
        except IndexError:
            pool.extend(sorted(connection.exec_driver_sql(_NEXT, (table, AT_ONCE)).scalars()))
