"""How commands answer: a table or lines for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
import orjson
from sqlalchemy.exc import SQLAlchemyError

from hub.sdk.errors import HubError

Function = TypeVar("Function", bound=Callable[..., Any])
MAX_CELL_CHARACTERS = 60

as_json = click.option("--json", "as_json", is_flag=True, help="JSON для программ · JSON output")


def exit_code_of(work: Callable[[], object]) -> int:
    """Do it; 0, or 1 once what a person can mend is told in one line on standard error."""
    try:
        work()
    except HubError as error:
        note(error.message)
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        note(f"хранилище недоступно · the store is away: {reason}")
    else:
        return 0
    return 1


def dumps(value: Any) -> str:
    """Indented JSON: times RFC 3339 UTC, Decimals and other values as text."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=_plain, option=options).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(dumps(value))


def show_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], json_wanted: bool, empty: str = ""
) -> None:
    """Print rows: whole as a JSON array, or these columns as a table; `empty` when there are none.

    A cursor for the next page goes to standard error, so that the output stays a list.
    """
    if json_wanted:
        show_json(list(rows))
        return
    if not rows:
        click.echo(empty or "нет записей · nothing to show")
        return
    table([columns, *([_cell(row.get(name)) for name in columns] for row in rows)])


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text in columns; the first row is the heading."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, Mapping):
        text = ", ".join(f"{name} {item}" for name, item in value.items())
    elif isinstance(value, list | tuple):
        text = ", ".join(str(item) for item in value)
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= MAX_CELL_CHARACTERS else text[: MAX_CELL_CHARACTERS - 1] + "…"


def note(text: str) -> None:
    """A remark for the person at the terminal, out of the output's way."""
    click.echo(text, err=True)


def next_page(cursor: str | None) -> None:
    """Say how to see more."""
    if cursor:
        note(f"есть ещё · more: --cursor {cursor}")
