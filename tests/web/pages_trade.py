"""Addresses of the stock, order, lead and deal pages, for the walk over every page."""

from __future__ import annotations

TRADE = (
    "/stock/levels", "/stock?sort=free&show=in_stock", "/stock/items/1", "/stock/1",
    "/orders?view=board", "/leads?view=board", "/leads/1", "/deals", "/deals?view=board",
)  # fmt: skip
