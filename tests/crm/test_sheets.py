"""Files for spreadsheets, read again the way a spreadsheet does."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from hub.crm.sheets import MAX_CELL, Column, Look, csv_chunks, safe_text, write_xlsx

MOSCOW = ZoneInfo("Europe/Moscow")
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
MORNING = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)


def column(name: str, kind: str = "text") -> Column:
    return Column(name, lambda row: row[name], kind)


COLUMNS = (
    column("text"),
    column("number", "number"),
    column("money", "money"),
    column("moment", "moment"),
    column("day", "day"),
)


def a_row(**values: Any) -> dict[str, Any]:
    plain = {"text": "Насос", "number": Decimal("12.5"), "money": Decimal("-490"),
             "moment": MORNING, "day": date(2026, 1, 12)}  # fmt: skip
    return {**plain, **values}


def read_csv(rows: Iterable[dict[str, Any]], **look: Any) -> list[list[str]]:
    look = {"separator": ";", **look}
    data = b"".join(csv_chunks(COLUMNS, rows, Look(MOSCOW, **look)))
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=look["separator"]))


def read_xlsx(rows: Iterable[dict[str, Any]], **look: Any) -> tuple[list[dict[str, Any]], str]:
    """Cells by reference for each row (number, or text), and the sheet's own XML."""
    target = io.BytesIO()
    write_xlsx(target, COLUMNS, rows, Look(MOSCOW, **look))
    with zipfile.ZipFile(target) as book:
        names = book.namelist()
        shared = []
        if "xl/sharedStrings.xml" in names:
            strings = etree.fromstring(book.read("xl/sharedStrings.xml"))
            shared = ["".join(map(str, item.itertext())) for item in strings.iter(f"{SHEET}si")]
        xml = book.read("xl/worksheets/sheet1.xml")
    assert not [name for name in names if "hyperlink" in name or "_rels/sheet" in name]
    found = []
    for row in etree.fromstring(xml).iter(f"{SHEET}row"):
        cells: dict[str, Any] = {}
        for cell in row:
            text = "".join(map(str, cell.itertext()))
            kind = cell.get("t")
            value: Any = shared[int(text)] if kind == "s" else text
            cells[str(cell.get("r"))[0]] = value if kind in ("s", "inlineStr") else float(text)
        found.append(cells)
    return found, xml.decode()


@pytest.mark.parametrize(
    "text", ["=1+1", "+7 916", "-x", "@cmd", "\tx", "\rx", " =1", "＝1", "\n=1"]
)
def test_no_csv_cell_is_a_formula(text: str) -> None:
    assert safe_text(text) == f"'{text}"
    assert read_csv([a_row(text=text)])[1][0] == f"'{text}"


def test_a_csv_for_a_russian_excel_has_decimal_commas_and_local_times() -> None:
    title, row = read_csv([a_row(text='a;"b"\nв')])
    assert title == ["text", "number", "money", "moment", "day"]
    # A number below zero begins with a minus and stays a number all the same.
    assert row == ['a;"b"\nв', "12,5", "-490", "12.01.2026 12:00:00", "12.01.2026"]
    assert read_csv([a_row()], separator=",")[1][1:] == [
        "12.5", "-490", "2026-01-12 12:00:00", "2026-01-12",
    ]  # fmt: skip


def test_a_workbook_has_real_numbers_and_dates_and_no_formula() -> None:
    (_, row, evil), xml = read_xlsx(
        [a_row(), a_row(text='=HYPERLINK("http://x")', number="http://x", money="=1+1")]
    )
    assert row["B"] == 12.5
    assert row["C"] == -490
    # 12 January 2026, noon in Moscow, in days since 1900.
    assert (row["D"], row["E"]) == (46034.5, 46034.0)
    assert evil["A"].startswith("=HYPERLINK")
    assert (evil["B"], evil["C"]) == ("http://x", "=1+1")
    assert "<f>" not in xml
    assert 'state="frozen"' in xml
    assert '<autoFilter ref="A1:E3"/>' in xml


def test_odd_values_are_kept_as_text() -> None:
    long = "я" * (MAX_CELL + 10)
    rows = [
        a_row(text=long, number=Decimal("12345678901234567890"), money=None, moment="soon"),
        a_row(text="a\x00\x07b\ud800", number="", day="1900"),
    ]
    (_, first, second), _ = read_xlsx(rows)
    assert len(first["A"]) == MAX_CELL
    assert (first["B"], first["D"]) == ("12345678901234567890", "soon")
    assert "C" not in first
    assert second["A"].startswith("a")
    assert read_csv(rows)[1][1] == "12345678901234567890"


def test_a_file_ends_at_its_bound_and_says_so() -> None:
    def endless() -> Iterator[dict[str, Any]]:
        while True:
            yield a_row()

    told = read_csv(endless(), max_rows=3, cut="Это не всё")
    assert [line[0] for line in told] == ["text", "Насос", "Насос", "Насос", "Это не всё"]
    cells, _ = read_xlsx(endless(), max_rows=3, cut="Это не всё")
    assert [row["A"] for row in cells] == ["text", "Насос", "Насос", "Насос", "Это не всё"]
    # One that just fits is whole.
    assert len(read_csv([a_row()] * 3, max_rows=3, cut="Это не всё")) == 4
