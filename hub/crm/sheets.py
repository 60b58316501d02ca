"""Rows as a file for a spreadsheet: CSV and XLSX, in bounded memory, no cell of it a formula.

Pure: no request, no database, so that a page and a scheduled mail write the same file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
#: What a spreadsheet may take for a formula, its full-width twins too.
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
#: Excel takes no more characters in a cell, no more rows in a sheet.
MAX_CELL: Final = 32_767
MAX_SHEET_ROWS: Final = 1_048_575
#: A spreadsheet counts in binary floats: longer numbers are kept as text, whole.
_EXACT_DIGITS: Final = 15
_CHUNK_CHARACTERS: Final = 64 * 1024
_WIDTHS: Final = {"text": 24, "number": 12, "money": 14, "moment": 18, "day": 12}
_FORMATS: Final = {"money": "#,##0.00", "moment": "dd.mm.yyyy hh:mm", "day": "dd.mm.yyyy"}
_FIRST_DAY: Final = date(1900, 3, 1)


@dataclass(frozen=True)
class Column:
    """One column of the file. `kind`: text | number | money | moment | day.

    A value that is not of its column's kind is written as text, never lost.
    """

    title: Any
    value: Callable[[Row], Any]
    kind: str = "text"
    width: int = 0


@dataclass(frozen=True)
class Look:
    """How a file is to look: the zone of its times, the separator of its CSV, its bound.

    With «;» numbers have a decimal comma, as a spreadsheet of that habit reads them. `cut` is the
    line that ends a file which the bound cut off.
    """

    zone: ZoneInfo
    separator: str = ";"
    max_rows: int = 300_000
    cut: str = ""


def safe_text(value: str) -> str:
    """A text that no spreadsheet takes for a formula when it opens a CSV."""
    if value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA):
        return f"'{value}"
    return value


def csv_chunks(columns: Sequence[Column], rows: Iterable[Row], look: Look) -> Iterator[bytes]:
    """The file piece by piece: UTF-8 with a BOM, by which Excel knows the encoding."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=look.separator, lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow([safe_text(str(column.title)) for column in columns])
    for row in _bounded(rows, look.max_rows):
        if row is None:
            writer.writerow([safe_text(look.cut)])
            break
        writer.writerow([_csv_cell(column, row, look) for column in columns])
        if buffer.tell() >= _CHUNK_CHARACTERS:
            yield _drained(buffer)
    yield _drained(buffer)


def write_xlsx(
    target: IO[bytes], columns: Sequence[Column], rows: Iterable[Row], look: Look
) -> int:
    """Write a workbook of one sheet, its rows through a temporary file; returns how many rows."""
    # Imported here: pages are many, sheets are few, and it is large.
    from xlsxwriter import Workbook

    book = Workbook(
        target,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": False,
        },
    )
    sheet = book.add_worksheet()
    formats = {kind: book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
    bold = book.add_format({"bold": True, "bottom": 1})
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width or _WIDTHS[column.kind])
        sheet.write_string(0, place, str(column.title), bold)
    written = 0
    for row in _bounded(rows, min(look.max_rows, MAX_SHEET_ROWS - 1)):
        if row is None:
            sheet.write_string(written + 1, 0, look.cut)
            break
        written += 1
        for place, column in enumerate(columns):
            _write_cell(sheet, written, place, column, row, formats, look.zone)
    sheet.autofilter(0, 0, max(written, 1), len(columns) - 1)
    book.close()
    return written


def _bounded(rows: Iterable[Row], limit: int) -> Iterator[Row | None]:
    """The rows up to the limit, then None when there are more."""
    for number, row in enumerate(rows):
        yield row if number < limit else None


def _drained(buffer: io.StringIO) -> bytes:
    # A lone surrogate out of somebody's JSON must not end the file in the middle.
    data = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return data


def _number(value: Any) -> Decimal | None:
    """A number that the column's kind asks for; None when it is none."""
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _local(value: Any, zone: ZoneInfo) -> datetime | None:
    """A moment as the company's clock shows it, without its zone: spreadsheets know none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text.replace("\0", "")


def _csv_cell(column: Column, row: Row, look: Look) -> str:
    value = column.value(row)
    if column.kind in ("number", "money"):
        number = _number(value)
        if number is not None:
            text = format(number, "f")
            return text.replace(".", ",") if look.separator == ";" else text
    if column.kind == "moment":
        moment = _local(value, look.zone)
        if moment is not None:
            return moment.strftime(
                "%d.%m.%Y %H:%M:%S" if look.separator == ";" else "%Y-%m-%d %H:%M:%S"
            )
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.strftime("%d.%m.%Y" if look.separator == ";" else "%Y-%m-%d")
    return safe_text(_text(value))


def _write_cell(
    sheet: Any, line: int, place: int, column: Column, row: Row, formats: Any, zone: ZoneInfo
) -> None:
    value = column.value(row)
    if value is None or value == "":
        return
    style = formats.get(column.kind)
    if column.kind in ("number", "money"):
        number = _number(value)
        if number is not None and len(number.as_tuple().digits) <= _EXACT_DIGITS:
            sheet.write_number(line, place, float(number), style)
            return
    moment: Any = _local(value, zone) if column.kind == "moment" else None
    if column.kind == "day" and isinstance(value, date):
        moment = value
    # Before that day Excel's calendar is wrong by one, and it has none before 1900.
    if moment is not None and (moment.year, moment.month, moment.day) >= (
        _FIRST_DAY.year, _FIRST_DAY.month, _FIRST_DAY.day,
    ):  # fmt: skip
        sheet.write_datetime(line, place, moment, style)
        return
    text = _text(value).encode("utf-8", "replace").decode()
    sheet.write_string(line, place, text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…")
