"""Ids of records to come, drawn from PostgreSQL's sequences many at once.

What one transaction leaves of them serves the next one of this process; what a process leaves is a
gap in the numbers, which mean nothing.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

AT_ONCE: Final = 100
_NEXT: Final = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s::int)"
_Drawn = defaultdict[tuple[int, str], deque[int]]
_drawn: WeakKeyDictionary[Engine, _Drawn] = WeakKeyDictionary()


def drawn_id(connection: Connection, table: str) -> int:
    """An id that no other record of this table has or will have."""
    # A forked child must not use what its parent drew.
    pool = _drawn.setdefault(connection.engine, defaultdict(deque))[os.getpid(), table]
    while True:
        try:
            return pool.popleft()
        except IndexError:
            pool.extend(sorted(connection.exec_driver_sql(_NEXT, (table, AT_ONCE)).scalars()))
