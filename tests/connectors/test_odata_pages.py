"""OData of 1C below the connector: metadata, pages, places, shelves, what is written."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import responses

from connectors._protocols import odata_pages, odata_values, odata_write
from connectors._protocols.odata_errors import (
    TooMuch,
)
from connectors._protocols.odata_metadata import metadata_of, parse_metadata
from connectors._protocols.odata_pages import PageSize
from connectors._protocols.odata_shelf import Kept, Shelf
from connectors.onec_odata.client import base_of
from connectors.onec_odata.emulator import Emulator
from hub.registry import make_connection
from hub.sdk.errors import (
    NotCalled,
    PayloadError,
    Rejected,
    RetryLater,
)
from tests.support.odata import REF, SAMPLES, connect, wire


@pytest.fixture
def base() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


# Metadata.


def test_metadata_is_kept_and_asked_for_anew_when_it_is_old(base: Emulator, tmp_path: Path) -> None:
    line = wire(base, tmp_path)
    known = metadata_of(line, ["Catalog_"])
    assert "Catalog_Номенклатура" in known
    assert "Document_ЗаказКлиента" not in known
    assert known.keys("Catalog_Номенклатура") == {"Ref_Key": "Edm.Guid"}
    assert known.table("Catalog_Контрагенты", "КонтактнаяИнформация")["АдресЭП"] == "Edm.String"
    asked = len(base.requests)
    assert "Document_ЗаказКлиента" in metadata_of(line)
    assert len(base.requests) == asked
    metadata_of(line, fresh=True)
    assert len(base.requests) == asked + 1
    # A base that is away is known from what is kept; not when somebody wants it fresh.
    base.failure = "proxy"
    (kept,) = tmp_path.glob("metadata-*.jsonl")
    head, *lines = kept.read_text("utf-8").splitlines(keepends=True)
    kept.write_text(json.dumps({**json.loads(head), "at": 0}) + "\n" + "".join(lines), "utf-8")
    assert "Catalog_Номенклатура" in metadata_of(line)
    with pytest.raises(RetryLater):
        metadata_of(line, fresh=True)


def test_validators_are_sent_back(tmp_path: Path) -> None:
    connection = make_connection(
        {"connector": "onec_odata", "settings": {"url": "http://1c.example/ut"}},
        cache_dir=str(tmp_path),
    )
    body = (SAMPLES / "metadata.xml").read_bytes()
    url = "http://1c.example/ut/odata/standard.odata/$metadata"
    with responses.RequestsMock() as mock:
        mock.get(url, body=body, headers={"ETag": '"7"'})
        first = metadata_of(base_of(connection).wire)
        assert first.fields("AccumulationRegister_ОстаткиТоваров")["Количество"] == "Edm.Double"
    with responses.RequestsMock() as mock:
        mock.get(
            url, status=304, match=[responses.matchers.header_matcher({"If-None-Match": '"7"'})]
        )
        again = metadata_of(base_of(connection).wire, fresh=True)
    assert len(again) == len(first) == 2


def test_a_cut_metadata_replaces_nothing(base: Emulator, tmp_path: Path) -> None:
    whole = (SAMPLES / "metadata.xml").read_bytes()
    for cut in (100, 700, len(whole) - 3):
        with pytest.raises((RetryLater, PayloadError)):
            list(parse_metadata([whole[:cut]]))
    with pytest.raises(PayloadError):
        list(parse_metadata([b"<!DOCTYPE a [<!ENTITY b 'c'>]><Edmx/>"]))
    with pytest.raises(PayloadError):
        list(parse_metadata([b"<html></html>"]))
    assert not list(tmp_path.iterdir())


# Pages.


def refs_of(emulator: Emulator, count: int) -> list[str]:
    rows = emulator.rows("Catalog_Номенклатура")
    rows.clear()
    for number in range(count):
        key = f"{(number * 7919) % 10**8:08d}-{number % 10000:04d}-4000-8000-{number:012d}"
        rows.append({"Ref_Key": key, "Description": f"Товар {number}"})
    return [str(row["Ref_Key"]) for row in rows]


def test_pages_miss_nothing_while_rows_change_between_them(base: Emulator) -> None:
    standing = refs_of(base, 500)
    rows = base.rows("Catalog_Номенклатура")
    steps = iter(range(10**6))

    def disturb() -> None:
        """Rows come, go and change at both ends of every page."""
        number = next(steps)
        rows.insert(0, {"Ref_Key": f"{number:08d}-0000-4000-8000-ffffffffffff"})
        rows.append({"Ref_Key": f"ffffff{number % 100:02d}-0000-4000-8000-eeeeeeeeeeee"})
        rows[:] = [row for row in rows if row["Ref_Key"] != rows[0]["Ref_Key"] or number % 2]
        rows[len(rows) // 2]["Description"] = f"другое {number}"

    base.server.after_page = disturb
    size = PageSize(20, most=20)
    keys = {"Ref_Key": "Edm.Guid"}
    found = [
        str(row["Ref_Key"])
        for page in odata_pages.pages(
            wire(base), "Catalog_Номенклатура", keys, ["Description"], size=size
        )
        for row in page
    ]
    assert set(standing) <= set(found)
    assert len(found) == len(set(found))


def test_a_page_may_be_shorter_than_asked_for(base: Emulator) -> None:
    """A base that gives fewer rows than `$top` is not at its end."""
    standing = refs_of(base, 25)
    line = wire(base)
    found = list(
        odata_pages.pages(
            line, "Catalog_Номенклатура", {"Ref_Key": "Edm.Guid"}, size=PageSize(10, most=10)
        )
    )
    assert sorted(row["Ref_Key"] for page in found for row in page) == sorted(standing)
    assert base.requests[-1][2]["$filter"].startswith("Ref_Key gt guid'")


def test_a_key_of_several_parts_goes_on_where_it_was(base: Emulator) -> None:
    rows = base.rows("InformationRegister_ДоступныеОстаткиТоваров")
    rows.clear()
    for number in range(60):
        rows.append(
            {
                "Номенклатура_Key": f"0000000{number % 3}-0000-4000-8000-000000000000",
                "Характеристика_Key": f"0000000{number % 2}-0000-4000-8000-000000000000",
                "Склад_Key": REF,
                "Назначение_Key": f"{number:08d}-0000-4000-8000-000000000000",
                "ВНаличии": number,
                "Доступно": number,
            }
        )
    base_ = base_of(connect(base))
    name = "InformationRegister_ДоступныеОстаткиТоваров"
    found = [
        row["ВНаличии"]
        for page in odata_pages.pages(
            base_.wire, name, base_.metadata.keys(name), size=PageSize(7, most=7)
        )
        for row in page
    ]
    assert sorted(found) == list(range(60))


def test_pages_grow_with_small_rows_and_shrink_when_1c_has_no_memory(base: Emulator) -> None:
    refs_of(base, 300)
    list(odata_pages.pages(wire(base), "Catalog_Номенклатура", {"Ref_Key": "Edm.Guid"}))
    tops = [int(given["$top"]) for _, path, given in base.requests if "$top" in given]
    assert tops[0] == odata_pages.PROBE_ROWS
    assert tops[-1] > tops[0]
    size = PageSize(20)
    assert size.too_much()
    assert size.rows == 10
    for _ in range(10):
        size.too_much()
    assert size.rows == 1
    assert not size.too_much()
    base.failure, base.failing = "no_memory", "Catalog_Номенклатура"
    asked = len(base.requests)
    with pytest.raises(TooMuch):
        list(odata_pages.pages(wire(base), "Catalog_Номенклатура", {"Ref_Key": "Edm.Guid"}))
    tops = [int(given["$top"]) for _, _, given in base.requests[asked:]]
    assert tops == [20, 10, 5, 2, 1]


def test_a_base_that_ignores_the_filter_does_not_turn_in_circles() -> None:
    connection = make_connection(
        {"connector": "onec_odata", "settings": {"url": "http://1c.example/ut"}}
    )
    with responses.RequestsMock() as mock:
        mock.get(
            "http://1c.example/ut/odata/standard.odata/Catalog_X",
            json={"value": [{"Ref_Key": REF}]},
        )
        with pytest.raises(PayloadError):
            list(odata_pages.pages(base_of(connection).wire, "Catalog_X", {"Ref_Key": "Edm.Guid"}))


@pytest.mark.parametrize("row", [{}, {"Ref_Key": None}, {"Ref_Key": 5}, {"Ref_Key": "x"}])
def test_a_row_without_its_key_is_no_row(row: dict[str, Any]) -> None:
    connection = make_connection(
        {"connector": "onec_odata", "settings": {"url": "http://1c.example/ut"}}
    )
    line, url = base_of(connection).wire, "http://1c.example/ut/odata/standard.odata/Catalog_X"
    with responses.RequestsMock() as mock:
        mock.get(url, json={"value": [row]})
        with pytest.raises(PayloadError):
            list(odata_pages.pages(line, "Catalog_X", {"Ref_Key": "Edm.Guid"}))
        with pytest.raises(PayloadError):
            list(odata_pages.by_refs(line, "Catalog_X", "Ref_Key", [REF]))


# Places.


def test_no_more_calls_at_once_than_allowed(base: Emulator, tmp_path: Path) -> None:
    arrived, go = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        arrived.release()
        go.wait(20)

    base.server.after_page = hold
    lines = [wire(base, tmp_path, parallel_reads=2) for _ in range(5)]
    threads = [
        threading.Thread(target=lambda line=line: line.get("Catalog_Склады")) for line in lines
    ]
    for thread in threads:
        thread.start()
    for _ in range(2):
        assert arrived.acquire(timeout=20)
    go.set()
    for thread in threads:
        thread.join(30)
    assert base.most_at_once["read"] == 2


def test_work_of_one_name_is_put_off_while_another_does_it(
    base: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors._protocols.odata_wire.PLACE_WAIT_SECONDS", 0.0)
    with wire(base, tmp_path).alone("uzel-order-1"):
        with pytest.raises(NotCalled), wire(base, tmp_path).alone("uzel-order-1"):
            pass
        with wire(base, tmp_path).alone("uzel-order-2"):
            pass


# Shelves.


def test_sums_are_exact_and_none_is_no_zero(tmp_path: Path) -> None:
    with Shelf(str(tmp_path)) as shelf:
        third = Decimal("0.001")
        shelf.add(("a", "", "w", [third, None, None]) for _ in range(3000))
        shelf.add(
            [("a", "", "w", [None, None, Decimal("-2.5")]), ("b", "", "", [None, None, None])]
        )
        assert list(shelf.sums()) == [
            ("a", "", "w", [Decimal(3), None, Decimal("-2.5")]),
            ("b", "", "", [None, None, None]),
        ]
        with pytest.raises(PayloadError):
            shelf.add([("a", "", "", [Decimal("1E+13"), None, None])])
    assert not list(tmp_path.iterdir())


def test_a_broken_shelf_knows_nothing(tmp_path: Path) -> None:
    (tmp_path / "seen-x.sqlite").write_bytes(os.urandom(5000))
    assert not Kept(str(tmp_path), "seen-x.sqlite")
    assert not Kept(str(tmp_path), "seen-none.sqlite")


# Writing.


def test_what_1c_did_otherwise_is_named() -> None:
    sent = {"Текст": "длинный текст", "Сумма": Decimal("10.50"), "Склад_Key": REF, "Новое": 1,
            "Товары": [{"Количество": 2, "Номенклатура_Key": REF}]}  # fmt: skip
    assert odata_write.differences(sent, {**sent, "Сумма": 10.5, "Склад_Key": REF.upper()}) == []
    kept = {"Текст": "длин   ", "Сумма": "0", "Склад_Key": odata_values.ZERO_REF,
            "Товары": [{"Количество": 3, "Номенклатура_Key": REF}]}  # fmt: skip
    found = odata_write.differences(sent, kept)
    assert found[0] == "«Текст» обрезан: 4 знаков из 13"
    assert "реквизита «Новое» нет" in " ".join(found).replace("реквизит ", "реквизита ")
    assert any("Товары" in one and "строка 1" in one for one in found)
    assert len(found) == 5


def test_numbers_go_out_exactly() -> None:
    assert odata_write.body_of({"a": Decimal("1271.50"), "b": [Decimal(2)]}) == {
        "a": 1271.5,
        "b": [2],
    }
    with pytest.raises(Rejected):
        odata_write.body_of({"a": Decimal("0.12345678901234567890123")})
