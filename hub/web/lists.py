"""Lists on pages: filters from the URL, partials for htmx, links that keep the filters."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from hub.store.lists.paging import ListPage
from hub.store.lists.reports import day_start
from hub.web.assets import address
from hub.web.context import company_zone
from hub.web.sessions import NEWS_HEADER

#: Two screens of a desktop; what is below them is asked for by those who go there.
PAGE_SIZE = 30


def argument(name: str) -> str:
    """A filter from the URL, trimmed, without NUL (which PostgreSQL refuses)."""
    return request.args.get(name, "").replace("\0", "").strip()[:200]


def cursor() -> str | None:
    """Where the wanted page begins."""
    return request.args.get("cursor") or None


def day(name: str) -> date | None:
    """A day from the URL; what is no day does not filter."""
    try:
        return date.fromisoformat(argument(name))
    except ValueError:
        return None


def since() -> datetime | None:
    """Midnight of the first wanted day in the company's zone."""
    first = day("since")
    return day_start(first, company_zone()) if first else None


def until() -> datetime | None:
    """Midnight after the last wanted day: exclusive."""
    last = day("until")
    if last is None or last == date.max:
        return None
    return day_start(last + timedelta(days=1), company_zone())


def equal(*names: str) -> tuple[tuple[str, Any], ...]:
    """The filters of these names that are set, as (column, value)."""
    return tuple((name, argument(name)) for name in names if argument(name))


def is_filtered() -> bool:
    """Whether any filter is set: an empty list then means something else."""
    return any(value.strip() for name, value in request.args.items() if name != "cursor")


def here(**changes: Any) -> str:
    """The present address with these parameters changed; None or empty removes one."""
    kept = {name: value for name, value in request.args.items() if value.strip()}
    wanted = {**kept, **(request.view_args or {}), **changes}
    return address(
        request.endpoint or "managers.home",
        **{name: value for name, value in wanted.items() if value not in (None, "")},
    )


def is_partial() -> bool:
    """Whether htmx asks for a part of the page, not for a page out of its history."""
    headers = request.headers
    return "HX-Request" in headers and "HX-History-Restore-Request" not in headers


def show(name: str, page: ListPage, **context: Any) -> Response:
    """Render a list: the whole page, or for htmx the list or only its further rows."""
    context |= {"page": page, "filtered": is_filtered()}
    if not is_partial():
        return make_response(render_template(f"{name}.html", **context))
    if cursor():
        return make_response(render_template(f"{name}_rows.html", **context))
    response = make_response(render_template(f"{name}_list.html", **context))
    if NEWS_HEADER not in request.headers:
        # The address as it would be without empty filters.
        response.headers["HX-Push-Url"] = here()
    return response


def field(name: str) -> str:
    """What a form says under this name, whole, without NUL."""
    return request.form.get(name, "").replace("\0", "").strip()
