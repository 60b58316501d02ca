"""What the queries of a page really read: each is taken down, then run again by EXPLAIN."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from hub.app import create_app
from hub.store.store import Store

PASSWORD = "korova-na-lugu-42"
_READS = ("select", "with")


def headers_of(path: str) -> dict[str, str]:
    """The box above every page asks as htmx does; alone its address leads to the list."""
    return {"HX-Request": "true"} if path.startswith("/search") else {}


class Reader:
    """Opens pages in this process as an admin and judges their queries."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._client: FlaskClient = create_app(store=store).test_client()
        page = self._client.get("/login").text
        token = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert token
        form = {"csrf_token": token[1], "email": "admin@example.ru", "password": PASSWORD}
        assert self._client.post("/login", data=form).status_code == 302

    def look(self, path: str) -> tuple[int, int, str]:
        """Queries of the page, the most rows that one of them read, and that one's text."""
        taken: list[tuple[str, Any]] = []

        def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
            taken.append((statement, values))

        engine = self._store.database.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            assert self._client.get(path, headers=headers_of(path)).status_code == 200, path
        finally:
            event.remove(engine, "before_cursor_execute", note)
        reads = [one for one in taken if one[0].lstrip().lower().startswith(_READS)]
        worst = max(((self._rows(*one), one[0]) for one in reads), default=(0, ""))
        return len(taken), worst[0], worst[1]

    def _rows(self, statement: str, values: Any) -> int:
        with self._store.database.engine.connect() as db:
            if db.dialect.name != "postgresql":
                return self._steps(db, statement, values)
            explained = db.exec_driver_sql(
                f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", values
            ).scalar()
            return _read(explained[0]["Plan"] if explained else {})

    def _steps(self, db: Any, statement: str, values: Any) -> int:
        """SQLite counts no rows; its virtual machine's steps over ten come near."""
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 100
            return 0

        driver = db.connection.dbapi_connection
        driver.set_progress_handler(count, 100)
        try:
            driver.execute(statement, values).fetchall()
        finally:
            driver.set_progress_handler(None, 0)
        return steps // 10


def _read(plan: dict[str, Any]) -> int:
    """Rows taken from tables and indexes, those thrown away by filters too."""
    own = 0
    if "Relation Name" in plan or "Index Name" in plan:
        rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        own = int((rows + plan.get("Rows Removed by Index Recheck", 0)) * plan["Actual Loops"])
    return own + sum(_read(below) for below in plan.get("Plans", ()))
