"""What the shop says of an order against what 1C says, and where the hub's own stage stands."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hub.crm.derived import derive
from hub.crm.order_state import differences
from hub.crm.stages import stages
from hub.settings import Settings

NOON = datetime(2026, 1, 12, 12, 0, tzinfo=UTC)
LINE = {"sku": "NC-20", "quantity": "2"}


def order(**values: Any) -> dict[str, Any]:
    shop = {"status": "processing", "total": Decimal("1500.00"), "paid_at": NOON}
    return {**shop, "erp_number": "УТ-7", "erp_posted": True, **values}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"erp_number": None, "erp_posted": None, "erp_cancelled": True}, []),
        ({"erp_cancelled": True}, ["cancelled"]),
        ({"status": "cancelled"}, ["cancelled"]),
        ({"status": "refunded", "erp_cancelled": True, "erp_total": Decimal(1)}, []),
        ({"erp_total": Decimal("1500")}, []),
        ({"erp_total": Decimal("1499")}, ["total"]),
        ({"erp_total": Decimal("1200"), "delivery_total": Decimal("300")}, []),
        ({"erp_paid": Decimal("1500")}, []),
        ({"erp_paid": Decimal("700")}, ["paid"]),
        ({"erp_paid": Decimal("1500"), "paid_at": None}, ["paid"]),
        ({"erp_paid": Decimal("0"), "paid_at": None}, []),
        ({"erp_paid": Decimal("1500"), "paid_at": None, "status": "completed"}, []),
        ({"erp_shipped_at": NOON}, ["shipped"]),
        ({"erp_shipped_at": NOON, "status": "completed"}, []),
        ({"status": "completed", "erp_posted": False}, ["shipped"]),
        ({"lines": [LINE], "erp_lines": [{**LINE, "quantity": "1"}]}, ["lines"]),
        ({"lines": [LINE], "erp_lines": [{"quantity": "1"}, {"quantity": "1"}]}, ["lines"]),
        ({"lines": [LINE, LINE], "erp_lines": [{**LINE, "quantity": 4.0}]}, []),
        (
            {"lines": [LINE], "erp_lines": [{"quantity": 2}, {"quantity": "1.000"}],
             "delivery_total": Decimal("300")},
            [],
        ),
    ],
)  # fmt: skip
def test_a_difference_is_what_one_side_has_and_the_other_has_not(
    values: dict[str, Any], expected: list[str]
) -> None:
    assert differences(order(**values)) == expected


def test_writing_an_order_keeps_its_differences() -> None:
    row = {**order(), "differs": None, "stage": "in_work"}
    assert derive("order", row, {"erp_cancelled": True})["differs"] == "cancelled"
    late = {**row, "erp_cancelled": True, "differs": "cancelled"}
    assert derive("order", late, {"status": "cancelled"})["differs"] is None
    assert "differs" not in derive("order", row, {"comment": "позвонить"})


def test_the_stage_follows_a_new_status_and_says_who_brought_it() -> None:
    row = {"stage": "new", "status": "pending", "origins": {}}
    event = {"v": "2", "e": 7}
    changes = {"status": "processing", "origins": {"status": event}}
    found = derive("order", row, changes)
    assert (found["stage"], found["origins"]["stage"]) == ("in_work", event)
    # What a person moved stays where it is until the source speaks again.
    moved = {"stage": "waiting", "status": "processing", "origins": {"stage": {"u": 1}}}
    assert "stage" not in derive("order", moved, {"total": Decimal(1)})
    assert derive("order", moved, {"status": "completed"})["stage"] == "done"
    # A status that nobody knows leaves what a person has moved; else it says nothing.
    person = {"stage": "in_work", "origins": {"stage": {"u": 1}}}
    assert "stage" not in derive("lead", person, {"status": "на уточнении"})
    assert derive("lead", {"stage": "in_work"}, {"status": "на уточнении"})["stage"] == "new"


def test_an_admin_names_the_stages(sqlite_settings: Settings) -> None:
    assert stages(sqlite_settings, "lead")[0] == "new"
    sqlite_settings.file["sales"] = {"lead_stages": ["new", "Замер", "Замер", "won"]}  # type: ignore[index]  # a plain dict in tests
    assert stages(sqlite_settings, "lead") == ("new", "Замер", "won")
