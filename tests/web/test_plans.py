"""No page reads a big table from end to end: every query is explained on both databases.

The tables here are nearly empty, so PostgreSQL is told to avoid a scan at any price: where one is
left in the plan, no index could serve the query. SQLite plans without knowing sizes.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import event

from hub.app import create_app
from hub.store.store import Store
from tests.support.people import ALICE
from tests.web.conftest import Visitor
from tests.web.scene import PASSWORD, build
from tests.web.test_pages import addresses

#: What grows with the years; the rest is small or kept short.
BIG = {
    "events", "event_bodies", "attempts", "changes", "timeline", "contacts", "contact_points",
    "identity_claims", "bindings", "calls", "orders", "messages", "leads", "deals", "products",
    "stock_levels", "stock_history", "deliveries", "audit", "row_issues",
}  # fmt: skip
#: Indexes of what has a rare status.
FEW = {
    "ix_events_open", "ix_events_waiting", "ix_events_waiting_of",
    "ix_events_dead", "ix_events_dead_of",
}  # fmt: skip
#: «page: table» that may be read whole all the same, with the reason.
ALLOWED: dict[str, str] = {}


def test_no_page_scans_a_big_table(store: Store) -> None:
    scene = build(store)
    visitor = Visitor(create_app(store=store).test_client())
    assert visitor.sign_in(ALICE.email, PASSWORD)[0] == 302
    wrong: list[str] = []
    for path in addresses(scene):
        for table, statement in _scans(store, visitor, path):
            if f"{path}: {table}" not in ALLOWED:
                wrong.append(f"{path}: {table}: {statement[:400]}")
    assert not wrong, "\n".join(wrong)


def _scans(store: Store, visitor: Visitor, path: str) -> list[tuple[str, str]]:
    taken: dict[str, Any] = {}

    def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.lstrip().lower().startswith(("select", "with")):
            taken[statement] = values

    engine = store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        visitor.get(path)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return [(table, text) for text, values in taken.items() for table in _read(store, text, values)]


def _read(store: Store, statement: str, values: Any) -> set[str]:
    """Big tables that the statement reads from end to end."""
    with store.database.engine.connect() as db:
        if db.dialect.name == "postgresql":
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = db.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar()
            return {name for name in _sequential(plan[0]["Plan"]) if name in BIG} if plan else set()
        rows = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    bounded = re.search(r"\blimit\b", statement, re.IGNORECASE) is not None
    found = set()
    is_sorted = any("TEMP B-TREE FOR ORDER BY" in str(row[3]) for row in rows)
    for row in rows:
        scan = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", str(row[3]))
        # Walking rows in the wanted order ends at the page's last row; an index of the few open or
        # dead events holds no more than is asked for.
        if scan and scan[2] not in FEW and not (bounded and not is_sorted):
            found.add(scan[1])
    return {_named(name, statement) for name in found} & BIG


def _named(name: str, statement: str) -> str:
    """The table behind an alias."""
    alias = re.search(rf"\b(\w+) AS {name}\b", statement)
    return alias[1] if alias else name


def _sequential(plan: dict[str, Any]) -> list[str]:
    own = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return own + [name for below in plan.get("Plans", ()) for name in _sequential(below)]
