"""Stock out to a shop: what changed since the cursor, the newest value only, in batches.

A run of the shop's stream `stock_out`. See decisions/0026.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from hub.sdk.errors import ConfigError, PayloadError
from hub.sdk.records import StockLevel, StockResult
from hub.store import leases, stock_out
from hub.store.connections import Configured
from hub.store.database import to_json, utc_now
from hub.store.stock_out import Rules, Target
from hub.store.store import Store

if TYPE_CHECKING:
    from hub.flow.sync_run import SyncRun

STREAM = "stock_out"
PAGE = 500
BATCH = 100
#: On PostgreSQL a level may become visible this long after the moment it was stamped with: its
#: transaction lasts. On SQLite the stamp is made under the write lock.
OVERLAP = {True: timedelta(seconds=10), False: timedelta(minutes=10)}
#: What the shop does not have is looked for again a day later, or when its product arrives.
LOOK_AGAIN = timedelta(days=1)
STATUSES = ("sent", "refused", "absent")


def takers(store: Store, source: str) -> list[str]:
    """The shops that count the stock of this connection."""
    return [
        item.name
        for item in store.catalog.all()
        if item.connector.push_stock is not None
        and item.state != "paused"
        and source in (item.connection.settings.get("stock_from") or ())
    ]


def rules_of(store: Store, configured: Configured) -> Rules:
    """What this shop counts, from its settings; ConfigError when they name nobody."""
    settings = configured.connection.settings
    names = [str(name) for name in settings.get("stock_from") or ()]
    if not names:
        raise ConfigError("name the connections whose stock counts", place="settings.stock_from")
    if configured.name in names:
        raise ConfigError(
            "a shop is not told of its own stock", place=f"{configured.name}, settings.stock_from"
        )
    return Rules(
        configured.id,
        tuple(store.catalog.require(name).id for name in names),
        frozenset(
            word
            for name in settings.get("warehouses") or ()
            for word in (str(name), str(name).casefold())
        ),
        str(settings.get("stock_number") or "available"),
        priority_of(store),
    )


def priority_of(store: Store) -> tuple[int, ...]:
    """The connections of `stock.sources` in hub.yml, by id, the most trusted first."""
    named = [store.catalog.get(str(name)) for name in store.settings.option("stock.sources", [])]
    return tuple(item.id for item in named if item is not None)


class StockOut:
    """Brings one shop the quantities that changed."""

    def __init__(self, run: SyncRun) -> None:
        push = run.configured.connector.push_stock
        if push is None:
            raise ConfigError(f"{run.configured.connection.connector} takes no stock")
        self._run, self._push, self._database = run, push, run.store.database
        self._rules = rules_of(run.store, run.configured)
        self._batch = int(run.configured.connector.manifest.limits.get("stock_batch", BATCH))
        self._by_person = run.run.trigger == "person"
        shape = [self._rules.sources, sorted(self._rules.warehouses), self._rules.number]
        shape.append(self._rules.priority)
        self._shape = hashlib.sha256(to_json(shape).encode()).hexdigest()[:16]
        #: Targets that this run has looked at.
        self._seen: set[str] = set()

    def carry_out(self) -> None:
        """Everything that changed, page by page, the cursor after each; then what is due again."""
        anew = self._run.cursor.get("rules") != self._shape
        after = None if anew else self._since()
        while True:
            with self._database.read() as db:
                rows = stock_out.changed_levels(db, self._rules, after, PAGE)
                keys = stock_out.keys_of(db, self._rules, rows)
            self._bring(keys)
            if rows:
                after = (rows[-1]["updated_at"], rows[-1]["id"])
                if not anew:
                    self._keep(after)
            if len(rows) < PAGE:
                break
        self._bring_again(every=anew)
        # What was stamped before this run began it has seen, but for the overlap. Under new rules
        # the run counts only now, when it has looked at everything.
        self._keep((self._run.started_at, 0))

    def _since(self) -> tuple[datetime, int] | None:
        at = self._run.cursor.get("updated_at")
        if not at:
            return None
        overlap = OVERLAP[self._database.is_sqlite]
        return datetime.fromisoformat(str(at)) - overlap, 0

    def _keep(self, after: tuple[datetime, int]) -> None:
        before = self._run.cursor
        moment = after[0].astimezone(UTC).isoformat()
        if before.get("rules") == self._shape:
            # What the overlap read again lies behind the cursor.
            moment = max(moment, str(before.get("updated_at") or ""))
        self._run.cursor = {"updated_at": moment, "rules": self._shape}
        with self._database.write() as db:
            leases.fence(db, self._run.lease)
            self._run.move_cursor(db)
        self._run.note_issues()

    def _bring_again(self, *, every: bool) -> None:
        last, now = "", utc_now()
        while True:
            with self._database.read() as db:
                keys = stock_out.due_again(
                    db, self._rules.shop_id, now, last, PAGE, every=every or self._by_person
                )
            self._bring(keys)
            if len(keys) < PAGE:
                return
            last = keys[-1]

    def _bring(self, keys: Sequence[str]) -> None:
        fresh = [key for key in keys if key not in self._seen]
        self._seen.update(fresh)
        if not fresh:
            return
        with self._database.read() as db:
            targets = stock_out.targets(db, self._rules, fresh)
            before = stock_out.sent(db, self._rules.shop_id, fresh)
        self._run.counts["rows_read"] += len(targets)
        self._forget([item.key for item in targets if item.superseded and item.key in before])
        due = [
            target
            for target in targets
            if not target.superseded and self._is_due(target, before.get(target.key))
        ]
        for start in range(0, len(due), self._batch):
            self._send(due[start : start + self._batch], before)

    def _forget(self, keys: Sequence[str]) -> None:
        if keys:
            with self._database.write() as db:
                leases.fence(db, self._run.lease)
                stock_out.forget(db, self._rules.shop_id, keys)

    def _is_due(self, target: Target, before: Mapping[str, Any] | None) -> bool:
        if before is None:
            return True
        wanted = Decimal(pieces(target.quantity))
        if before["status"] == "sent":
            return bool(before["quantity"] != wanted)
        if self._by_person:
            return True
        if before["status"] == "absent":
            return before["retry_at"] is None or before["retry_at"] <= utc_now()
        return bool(before["told"] != wanted)

    def _send(self, targets: Sequence[Target], before: Mapping[str, Mapping[str, Any]]) -> None:
        levels = [
            StockLevel(
                target.key,
                pieces(target.quantity),
                target.sku,
                target.external_id,
                str(before[target.key]["place"]) if target.key in before else "",
                target.name,
            )
            for target in targets
        ]
        answered = self._push(self._run.configured.connection, levels)
        results = {result.key: result for result in answered}
        missing = [level.key for level in levels if level.key not in results]
        if missing:
            raise PayloadError(f"the shop said nothing of {missing[0]}")
        rows = [
            self._remembered(level, results[level.key], before.get(level.key)) for level in levels
        ]
        with self._database.write() as db:
            leases.fence(db, self._run.lease)
            stock_out.remember(db, rows)
        for level, row in zip(levels, rows, strict=True):
            self._count(level, row)
        self._run.note_issues()

    def _remembered(
        self, level: StockLevel, result: StockResult, before: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        quantity = Decimal(level.quantity)
        taken = before["quantity"] if before is not None else None
        now = utc_now()
        return {
            "connection_id": self._rules.shop_id,
            "target": level.key,
            "sku": level.sku,
            "place": result.place if result.status == "sent" else "",
            "name": level.name,
            "quantity": quantity if result.status == "sent" else taken,
            "told": quantity,
            "status": result.status,
            "message": result.message,
            "run_id": self._run.run.id,
            "updated_at": now,
            "retry_at": now + LOOK_AGAIN if result.status == "absent" else None,
        }

    def _count(self, level: StockLevel, row: Mapping[str, Any]) -> None:
        if row["status"] == "sent":
            self._run.counts["rows_changed"] += 1
            return
        message = str(row["message"]) or "the shop has no such product"
        place = level.sku or level.external_id or level.key
        what = {"name": level.name, "sku": level.sku, "quantity": level.quantity}
        self._run.add_issue(place, message, what)


def pieces(quantity: Decimal) -> int:
    """What a shop may sell of this quantity: whole pieces, never below zero."""
    return max(0, int(quantity.to_integral_value(ROUND_FLOOR)))


def after_run(store: Store, configured: Configured, stream: str) -> Iterator[str]:
    """The shops to be told after a run of this stream changed stock."""
    declared = configured.stream(stream)
    if declared.entity == "stock" and declared.direction == "in":
        yield from takers(store, configured.name)
