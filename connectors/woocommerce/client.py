"""The WooCommerce REST API v3: one shop, its authentication and its pages.

Basic authentication over HTTPS, or the keys in the query for hosts that strip `Authorization`.
Over plain HTTP a real shop takes neither (it wants OAuth 1.0a).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from hub.sdk.connection import Connection
from hub.sdk.errors import HubError, PayloadError
from hub.sdk.http import client_for
from hub.sdk.payload import load_json

#: The most rows WordPress gives in one page.
PER_PAGE: Final = 100


@dataclass(frozen=True)
class Reply:
    """One page of a list: its rows, when the shop answered by its own clock, whether it is last."""

    rows: list[Any]
    answered_at: datetime
    total: int | None
    last: bool


class Shop:
    """The REST API of one connection's shop. Errors come from `hub/sdk/http.py`."""

    def __init__(self, connection: Connection) -> None:
        keys = (connection.secrets["consumer_key"], connection.secrets["consumer_secret"])
        in_query = bool(connection.settings.get("auth_in_query"))
        self._keys = keys
        self._query = dict(zip(("consumer_key", "consumer_secret"), keys, strict=True))
        self._query = self._query if in_query else {}
        self._http = client_for(
            connection,
            str(connection.setting("url")).rstrip("/") + "/wp-json/wc/v3",
            auth=None if in_query else keys,
        )

    def orders(self, **filters: str) -> Iterator[Reply]:
        """`GET /orders`, every page, oldest id first."""
        return self._pages("orders", filters)

    def products(self, **filters: str) -> Iterator[Reply]:
        """`GET /products`, every page, oldest id first; variations are not among them."""
        return self._pages("products", filters)

    def variations(self, product_id: int) -> Iterator[Reply]:
        """`GET /products/<id>/variations`, every page."""
        return self._pages(f"products/{product_id}/variations", {})

    def customers(self) -> Iterator[Reply]:
        """`GET /customers` of every role, every page; the shop cannot filter them by change."""
        return self._pages("customers", {"role": "all"})

    def webhooks(self) -> list[dict[str, Any]]:
        """`GET /webhooks`: the keys must belong to a user who manages the shop."""
        return [row for page in self._pages("webhooks", {}) for row in page.rows if _is_row(row)]

    def sample(self) -> Reply:
        """One order, to see that the address and the keys are right."""
        return self._get("orders", {"per_page": "1"})

    def _pages(self, path: str, filters: dict[str, str]) -> Iterator[Reply]:
        """Page by id. A row that leaves the list while it is read moves later rows one place up.

        The total tells: when it falls, as many pages are read again as rows could have slipped to.
        """
        page, total = 1, 0
        while True:
            reply = self._get(
                path,
                {
                    **filters,
                    "orderby": "id",
                    "order": "asc",
                    "per_page": str(PER_PAGE),
                    "page": str(page),
                },
                page,
            )
            slipped = 0 if reply.total is None else total - reply.total
            total = reply.total or 0
            if page > 1 and slipped > 0:
                page = max(1, page - -(-slipped // PER_PAGE))
                continue
            yield reply
            if reply.last:
                return
            page += 1

    def _get(self, path: str, params: dict[str, str], page: int = 1) -> Reply:
        try:
            response = self._http.request(
                "GET", path, params={**params, **self._query}, expect="json"
            )
        except HubError as error:
            raise self._without_keys(error) from None
        rows = load_json(response.content)
        if not isinstance(rows, list):
            raise PayloadError(f"the shop answered {type(rows).__name__} to /{path}, not a list")
        pages = _number(response.headers.get("X-WP-TotalPages", ""))
        last = len(rows) < PER_PAGE if pages is None else page >= pages
        return Reply(
            rows=rows,
            answered_at=_date(response.headers.get("Date", "")),
            total=_number(response.headers.get("X-WP-Total", "")),
            last=last or not rows,
        )

    def _without_keys(self, error: HubError) -> HubError:
        """Take the keys out of the words of an error page that repeats the address it was asked."""
        for key in self._keys:
            error.message = error.message.replace(key, "…") if key else error.message
        error.args = (error.message,)
        return error


def _is_row(row: Any) -> bool:
    return isinstance(row, dict)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _date(text: str) -> datetime:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return datetime.now(UTC)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
