"""What admins look at in the scene: events and dead letters, stock, a held run, deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from connectors.standard_webhook import emulator as site
from hub.store.models import (
    cursors,
    events,
    possible_duplicates,
    rejections,
    row_issues,
    sync_runs,
)
from tests.support.hub import Hub, lead
from tests.support.rows import Rows


@dataclass
class Backstage:
    """Adds it to a store through the connections of these ids."""

    hub: Hub
    rows: Rows
    site: int
    onec: int
    now: datetime

    def ago(self, **span: float) -> datetime:
        """A moment before now."""
        return self.now - timedelta(**span)

    def events(self) -> tuple[int, int]:
        """One event that was stored and three that died alike; ids of the one and a dead."""
        self.hub.post("site", lead(1), self.ago(minutes=15))
        for number in (2, 3, 4):
            broken = {"id": f"evt-{number}", "type": "lead"}
            self.hub.post("site", site.signed(broken), self.ago(minutes=10 - number))
        self.hub.drain("site")
        assert self.hub.statuses() == {"done": 1, "dead": 3}
        done = self.hub.one(events, status="done")["id"]
        dead = self.hub.rows(events, status="dead")[0]["id"]
        return done, dead

    def stock(self) -> int:
        """Stock levels of 42 minutes ago and a held run, whose id it returns."""
        for number, (name, left) in enumerate(
            (("Насос циркуляционный НЦ-20/40", "12"), ("Шланг поливочный, бухта", "133.5"),
             ("Кран шаровой 1/2\"", "0"))
        ):  # fmt: skip
            self.rows.stock(
                self.onec,
                f"SKU-{number}",
                left,
                product_name=name,
                warehouse="Основной склад",
                reserved=Decimal("1"),
                available=Decimal(left),
                price=Decimal("12490.25"),
                currency="RUB",
                as_of=self.ago(minutes=42),
            )
        with self.hub.store.database.write() as db:
            db.execute(
                insert(cursors).values(
                    connection_id=self.onec,
                    stream="stock",
                    cursor={},
                    updated_at=self.now,
                    fresh_at=self.ago(minutes=42),
                    next_run_at=self.now,
                    failures=3,
                )
            )
        return self._run("held", held_reason="в выгрузке 3 строки вместо 140")

    def _run(self, status: str, **values: Any) -> int:
        with self.hub.store.database.write() as db:
            done = db.execute(
                insert(sync_runs)
                .values(
                    connection_id=self.onec,
                    stream="stock",
                    trigger="schedule",
                    status=status,
                    created_at=self.ago(minutes=5),
                    started_at=self.ago(minutes=5),
                    rows_read=3,
                    rows_rejected=1,
                    **values,
                )
                .returning(sync_runs.c.id)
            )
            key = int(done.scalar_one())
            db.execute(
                insert(row_issues).values(
                    run_id=key,
                    place="return.Row[2]",
                    message="stock.quantity from Qty: «нет» is not a number",
                    row='{"Article": "KR-15", "Qty": "нет"}',
                )
            )
        return key

    def operations(self, irina: int, pavel: int, order: int) -> int:
        """A dead delivery (its id), a possible duplicate, a rejection."""
        delivery = self.rows.delivery(
            self.site,
            order,
            status="dead",
            attempts=2,
            error_code="rejected",
            error_message="422 the field «phone» is unknown",
        )
        self.rows.attempt(
            "delivery",
            delivery,
            step="deliver",
            status_code=422,
            duration_ms=85,
            error_message="422 the field «phone» is unknown",
            request='{"number": "2041"}',
            reply='{"error": "unknown field phone"}',
        )
        with self.hub.store.database.write() as db:
            db.execute(
                insert(possible_duplicates).values(
                    contact_id=irina,
                    other_id=pavel,
                    reason="shared_contact_point",
                    status="open",
                    created_at=self.now,
                )
            )
            db.execute(
                insert(rejections).values(
                    connection_name="mango-main",
                    cause="signature",
                    message="the signature is wrong",
                    first_at=self.ago(hours=3),
                    last_at=self.ago(minutes=1),
                    count=17,
                    remote_addr="198.51.100.7",
                    sample="vpbx_api_key=…&json={}",
                )
            )
        return delivery
