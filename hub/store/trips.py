"""Round trips to PostgreSQL, saved: statements whose answers nobody needs yet go out together.

psycopg's pipeline mode; on SQLite, which has no trips, nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Connection

from hub.store.plain import translated

_ENDING: Final = "uzel_ending"
_RAW: Final = "uzel_pipeline"


@contextmanager
def pipeline(db: Connection) -> Iterator[Any]:
    """psycopg's own connection in pipeline mode, its errors as SQLAlchemy's."""
    raw: Any = db.connection.driver_connection
    driver: Any = db.dialect.dbapi
    try:
        with raw.pipeline():
            yield raw
    except driver.Error as error:
        raise translated(db.dialect, error) from error


@contextmanager
def one_way(db: Connection) -> Iterator[None]:
    """Statements of this block whose answers nobody needs: on PostgreSQL all go out before the
    first answer is read, one round trip for them together.

    Raises what the first one to fail raises, at the latest at the end of the block.
    """
    if db.dialect.name == "sqlite":
        yield
        return
    with pipeline(db):
        yield


@contextmanager
def ending(db: Connection) -> Iterator[None]:
    """In a transaction, around its work: where `to_the_end` was called, the commit goes out with
    what came after it. Raises what the first of these statements to fail raises; then nothing has
    happened, and a rollback can follow."""
    info, stack = db.info, ExitStack()
    info[_ENDING] = stack
    try:
        yield
        if raw := info.pop(_RAW, None):
            raw.execute("COMMIT", prepare=False)
    except BaseException:
        # What was sent after the statement that failed is aborted, and says so: of no interest.
        with suppress(Exception):
            stack.close()
        raise
    finally:
        info.pop(_ENDING, None)
        info.pop(_RAW, None)
    stack.close()


def to_the_end(db: Connection) -> None:
    """From here to the commit of this `Database.write` nobody needs an answer."""
    stack: ExitStack | None = db.info.get(_ENDING)
    if stack is not None:
        db.info[_RAW] = stack.enter_context(pipeline(db))
