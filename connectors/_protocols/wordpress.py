"""WordPress' REST API: lists in pages whose totals stand in headers, errors as JSON objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from hub.sdk.errors import HubError, PayloadError
from hub.sdk.http import HttpClient
from hub.sdk.payload import load_json

#: The most rows WordPress gives in one page.
PER_PAGE: Final = 100


@dataclass(frozen=True)
class Reply:
    """One page of a list: its rows, when the site answered by its own clock, whether it is last."""

    rows: list[Any]
    answered_at: datetime
    total: int | None
    last: bool


class Rest:
    """One site's REST API. Errors come from `hub/sdk/http.py`, without the keys in their words."""

    def __init__(self, http: HttpClient, keys: Sequence[str], query: dict[str, str]) -> None:
        """`query` goes with every call: the keys, where the host strips the header."""
        self._http, self._keys, self._query = http, keys, query

    def pages(self, path: str, filters: dict[str, str]) -> Iterator[Reply]:
        """Page by id. A row that leaves the list while it is read moves later rows one place up.

        The total tells: when it falls, as many pages are read again as rows could have slipped to.
        """
        page, total = 1, 0
        order = {"orderby": "id", "order": "asc", "per_page": str(PER_PAGE)}
        while True:
            reply = self.page(path, {**filters, **order, "page": str(page)}, page)
            slipped = 0 if reply.total is None else total - reply.total
            total = reply.total or 0
            if page > 1 and slipped > 0:
                page = max(1, page - -(-slipped // PER_PAGE))
                continue
            yield reply
            if reply.last:
                return
            page += 1

    def page(self, path: str, params: dict[str, str], page: int = 1) -> Reply:
        """One page of a list. PayloadError when the site answers no list."""
        response = self._call("GET", path, params)
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

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send an object; PayloadError when the site answers none."""
        answered = load_json(self._call("POST", path, {}, json=body).content)
        if not isinstance(answered, dict):
            raise PayloadError(f"the shop answered {type(answered).__name__} to /{path}")
        return answered

    def _call(self, method: str, path: str, params: dict[str, str], **options: Any) -> Any:
        try:
            return self._http.request(
                method, path, params={**params, **self._query}, expect="json", **options
            )
        except HubError as error:
            # An error page may repeat the address that it was asked.
            for key in self._keys:
                error.message = error.message.replace(key, "…") if key else error.message
            error.args = (error.message,)
            raise error from None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _date(text: str) -> datetime:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return datetime.now(UTC)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
