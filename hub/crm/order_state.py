"""In what the shop's word on an order and the accounting system's word on it differ.

Kept in the order's column `differs` whenever the order is written, so that the list of such orders
is an index and not a comparison.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

KINDS: Final = ("cancelled", "total", "paid", "shipped", "lines")
_CANCELLED: Final = frozenset({"cancelled", "refunded", "failed"})
#: Statuses by which the shop says that the goods have not gone yet.
_UNDER_WAY: Final = frozenset({"pending", "processing", "on-hold"})
#: Fields that any of the differences is made of.
_WATCHED: Final = frozenset(
    {
        "status", "total", "delivery_total", "paid_at", "lines", "erp_number", "erp_paid",
        "erp_posted", "erp_shipped_at", "erp_cancelled", "erp_total", "erp_lines",
    }
)  # fmt: skip


def difference_changes(
    entity: str, row: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The new `differs` of an order that is about to change; empty when it stays."""
    if entity != "order" or not _WATCHED & changes.keys():
        return {}
    found = ",".join(differences({**row, **changes})) or None
    return {} if found == row.get("differs") else {"differs": found}


def differences(order: Mapping[str, Any]) -> list[str]:
    """The kinds of difference, in the order of KINDS; none while only one side has spoken."""
    if not in_accounting(order):
        return []
    # What is cancelled on both sides is settled, whatever was paid or packed before.
    shop, books = order.get("status") in _CANCELLED, bool(order.get("erp_cancelled"))
    if shop and books:
        return []
    found = {
        "cancelled": shop != books,
        "total": _total(order),
        "paid": _paid(order),
        "shipped": _shipped(order),
        "lines": _lines(order),
    }
    return [kind for kind in KINDS if found[kind]]


def in_accounting(order: Mapping[str, Any]) -> bool:
    """Whether the accounting system has said anything of the order."""
    return bool(
        order.get("erp_number")
        or order.get("erp_status")
        or order.get("erp_date")
        or order.get("erp_posted") is not None
    )


def _total(order: Mapping[str, Any]) -> bool:
    books, total = order.get("erp_total"), order.get("total")
    if books is None or total is None:
        return False
    # A document of goods alone: who brings them is another's business.
    return bool(books not in (total, total - (order.get("delivery_total") or Decimal(0))))


def _paid(order: Mapping[str, Any]) -> bool:
    """One side has the money and the other has not."""
    entered, total = order.get("erp_paid"), order.get("total")
    if entered is None or total is None:
        return False
    in_books, in_shop = entered >= total > 0, order.get("paid_at") is not None
    # A shop that takes money on delivery notes it when the order is completed.
    return bool(in_books != (in_shop or order.get("status") == "completed"))


def _shipped(order: Mapping[str, Any]) -> bool:
    if order.get("erp_shipped_at") is not None:
        return order.get("status") in _UNDER_WAY
    # Not every accounting system tells of shipments: only one that counts payments is believed.
    return order.get("status") == "completed" and order.get("erp_posted") is False


def _lines(order: Mapping[str, Any]) -> bool:
    """Other goods or other numbers of them. Systems share no ids: articles, else quantities."""
    shop, books = (_counted(order.get(name) or []) for name in ("lines", "erp_lines"))
    if not books or not shop:
        return False
    if all(sku for sku, _ in (*shop, *books)):
        return _sums(shop) != _sums(books)
    ours, theirs = (Counter(quantity for _, quantity in side) for side in (shop, books))
    if order.get("delivery_total"):
        # What the shop names beside the lines is a line there.
        return theirs not in (ours, ours + Counter({Decimal(1): 1}))
    return ours != theirs


def _counted(lines: Sequence[Any]) -> list[tuple[str, Decimal]]:
    found = []
    for line in lines:
        if not isinstance(line, Mapping):
            continue
        try:
            quantity = Decimal(str(line.get("quantity") or 0))
        except ArithmeticError:
            quantity = Decimal(0)
        if quantity:
            found.append((str(line.get("sku") or ""), quantity))
    return found


def _sums(lines: Sequence[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for sku, quantity in lines:
        sums[sku] = sums.get(sku, Decimal(0)) + quantity
    return sums
