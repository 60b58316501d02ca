"""The WooCommerce REST API v3: one function per call.

Basic authentication over HTTPS, or the keys in the query for hosts that strip `Authorization`.
Over plain HTTP a real shop takes neither (it wants OAuth 1.0a).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors._protocols.wordpress import Reply, Rest
from hub.sdk.connection import Connection
from hub.sdk.http import client_for


class Shop:
    """The REST API of one connection's shop. Errors come from `hub/sdk/http.py`."""

    def __init__(self, connection: Connection) -> None:
        keys = (connection.secrets["consumer_key"], connection.secrets["consumer_secret"])
        in_query = bool(connection.settings.get("auth_in_query"))
        query = dict(zip(("consumer_key", "consumer_secret"), keys, strict=True))
        address = str(connection.setting("url")).rstrip("/") + "/wp-json/wc/v3"
        http = client_for(connection, address, auth=None if in_query else keys)
        self._rest = Rest(http, keys, query if in_query else {})

    def orders(self, **filters: str) -> Iterator[Reply]:
        """`GET /orders`, every page, oldest id first."""
        return self._rest.pages("orders", filters)

    def products(self, **filters: str) -> Iterator[Reply]:
        """`GET /products`, every page, oldest id first; variations are not among them."""
        return self._rest.pages("products", filters)

    def with_skus(self, skus: Sequence[str]) -> list[dict[str, Any]]:
        """`GET /products?sku=…`: products and variations with any of these SKUs."""
        pages = self._rest.pages("products", {"sku": ",".join(skus)})
        return [row for page in pages for row in page.rows if isinstance(row, dict)]

    def variations(self, product_id: int) -> Iterator[Reply]:
        """`GET /products/<id>/variations`, every page."""
        return self._rest.pages(f"products/{product_id}/variations", {})

    def set_stock(self, quantities: dict[str, int], parent_id: str = "") -> list[Any]:
        """`POST /products/batch`, or a product's `/variations/batch`: {id: quantity}, at most 100.

        One answer per id: the object, or what was wrong with it.
        """
        path = f"products/{parent_id}/variations/batch" if parent_id else "products/batch"
        # The shop leaves the quantity aside unless it is told to manage the stock.
        update = [
            {"id": int(key), "manage_stock": True, "stock_quantity": quantity}
            for key, quantity in quantities.items()
        ]
        answered = self._rest.post(path, {"update": update}).get("update")
        return answered if isinstance(answered, list) else []

    def customers(self) -> Iterator[Reply]:
        """`GET /customers` of every role, every page; the shop cannot filter them by change."""
        return self._rest.pages("customers", {"role": "all"})

    def webhooks(self) -> list[dict[str, Any]]:
        """`GET /webhooks`: the keys must belong to a user who manages the shop."""
        pages = self._rest.pages("webhooks", {})
        return [row for page in pages for row in page.rows if isinstance(row, dict)]

    def sample(self) -> Reply:
        """One order, to see that the address and the keys are right."""
        return self._rest.page("orders", {"per_page": "1"})
