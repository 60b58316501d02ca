"""The 1C connector against its emulated publication, over real HTTP."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors._protocols.onec_moments import Marker, earlier, rank, version
from connectors.onec_soap.emulator import FIXTURES, Emulator, many_rows
from connectors.onec_soap.poll import read
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import (
    AuthError,
    ConfigError,
    HubError,
    PayloadError,
    Rejected,
    RetryLater,
)
from hub.sdk.records import Page

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
def onec() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.stop()


def connect(onec: Emulator, **settings: Any) -> Connection:
    file = onec.connection()
    return make_connection({**file, "settings": {**file["settings"], **settings}}, "onec")


def with_stream(onec: Emulator, **changes: Any) -> Connection:
    streams = onec.connection()["settings"]["streams"]
    return connect(onec, streams={**streams, "stock": {**streams["stock"], **changes}})


def pages(connection: Connection, stream: str, cursor: Mapping[str, Any] | None = None) -> Any:
    return [page for page in read(connection, stream, cursor or {}) if not page.digest]


def shown(found: list[Page]) -> dict[str, Any]:
    return {
        "records": [
            {
                "entity": record.entity,
                "external_id": record.external_id,
                "data": record.data,
                "version": record.version,
            }
            for page in found
            for record in page.sources()
        ],
        "cursor": found[-1].cursor,
        "complete": found[-1].complete,
    }


@pytest.mark.parametrize("stream", ["stock", "products", "counterparties"])
def test_each_stream_reads_to_its_golden_file(onec: Emulator, stream: str) -> None:
    golden = json.loads((FIXTURES / f"{stream}.expected.json").read_text("utf-8"))
    assert shown(pages(connect(onec), stream)) == golden


def test_the_emulator_tells_how_many_records_there_are(onec: Emulator) -> None:
    counted = {
        next(page.sources()).entity: len(list(page.sources()))
        for stream in ("stock", "products", "counterparties")
        for page in pages(connect(onec), stream)
    }
    assert counted == onec.expected()


def test_no_cursor_sends_nil_or_the_empty_date_or_an_empty_string(onec: Emulator) -> None:
    for stream in ("stock", "products", "counterparties"):
        pages(connect(onec), stream)
    remains, items, counterparties = (call.decode() for call in onec.calls)
    assert 'xsi:nil="true"' in remains
    assert "ChangedSince>0001-01-01T00:00:00<" in items
    assert "AfterVersion></" in counterparties


def test_a_delta_goes_on_from_its_cursor(onec: Emulator) -> None:
    (first,) = pages(connect(onec), "products")
    (second,) = pages(connect(onec), "products", first.cursor)
    # A minute earlier than the cursor: what was committed late comes too.
    assert b"ChangedSince>2026-01-17T09:59:05<" in onec.calls[-1]
    assert len(list(second.sources())) == 1
    assert second.cursor == first.cursor == {"value": "2026-01-17T10:00:05"}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("2026-01-17T10:00:05", "2026-01-17T09:59:05"),
        ("2026-01-17T10:00:05+03:00", "2026-01-17T09:59:05+03:00"),
        ("17.01.2026 10:00:05", "17.01.2026 09:59:05"),
        ("1003", "1003"),
        ("", ""),
    ],
)
def test_only_times_have_an_overlap(text: str, sent: str) -> None:
    assert earlier(text, 60, MOSCOW) == sent


def test_a_cursor_with_a_zone_goes_out_as_1c_local_time(onec: Emulator) -> None:
    pages(connect(onec), "products", {"value": "2026-01-17T10:00:05.123Z"})
    assert b"ChangedSince>2026-01-17T12:59:05<" in onec.calls[-1]


def test_a_delta_without_news_keeps_its_cursor(onec: Emulator) -> None:
    onec.failure = "empty"
    (page,) = pages(connect(onec), "counterparties", {"value": "1003"})
    assert page.cursor == {"value": "1003"}
    assert not page.complete


def test_the_cursor_moves_only_on_the_last_page(onec: Emulator) -> None:
    onec.answers["GetRemains"] = many_rows(2500)
    connection = with_stream(onec, mode="delta")
    found = pages(connection, "stock", {"value": "2026-01-01T00:00:00"})
    assert [len(list(page.sources())) for page in found] == [1000, 1000, 500]
    assert [page.cursor["value"] for page in found] == [
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00",
        "2026-01-12T18:21:10",
    ]


def test_a_missing_cursor_field_is_a_listed_issue(onec: Emulator) -> None:
    (page,) = pages(with_stream(onec, mode="delta", cursor="Chnged"), "stock")
    assert "Chnged" in page.rejected[0][1]
    assert page.cursor == {}


def test_only_the_last_page_of_a_snapshot_is_complete(onec: Emulator) -> None:
    onec.answers["GetRemains"] = many_rows(2000)
    found = pages(connect(onec), "stock")
    assert [(len(list(page.sources())), page.complete) for page in found] == [
        (1000, False),
        (1000, True),
    ]


@pytest.mark.parametrize("failure", ["empty", "nil"])
def test_an_empty_answer_is_no_rows_and_whole(onec: Emulator, failure: str) -> None:
    onec.failure = failure
    (page,) = pages(connect(onec), "stock")
    assert (list(page.sources()), page.complete) == ([], True)


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        ("fault", Rejected, 'Поле не найдено "Остатки.Склад"'),
        ("fault_200", Rejected, "{ОбщийМодуль.ОбменСХабом.Модуль(118)}"),
        ("locked", RetryLater, "Идёт обновление до 21:00"),
        ("locked_500", RetryLater, "закрыта на обслуживание"),
        ("html", RetryLater, "Недостаточно места на диске"),
        ("login", ConfigError, "страница входа"),
        ("no_licence", RetryLater, "лицензий"),
        ("unauthorized", AuthError, "Обмен"),
        ("missing", ConfigError, "/ut/ws/StockHub.1cws"),
        ("proxy", RetryLater, "502"),
        ("no_body", RetryLater, "подозрительный"),
        ("accepted", RetryLater, "202"),
        ("not_xml", RetryLater, "application/octet-stream"),
        ("locked_200", RetryLater, "Идёт обновление до 21:00"),
        ("locked_as_xml", RetryLater, "закрыта на обслуживание"),
        ("no_licence_403", RetryLater, "лицензий"),
        ("no_licence_in_english", RetryLater, "лицензий"),
        ("no_licence_found", RetryLater, "лицензий"),
        ("some_xml", RetryLater, "500"),
        ("some_xml_200", RetryLater, "XML <error>"),
        ("gateway_timeout", RetryLater, "504"),
        ("no_session", RetryLater, "406"),
        ("moved", ConfigError, "перенаправляет"),
        ("cut", RetryLater, "оборван после 3 строк"),
        ("hangup", RetryLater, "соединение закрыто"),
    ],
)
def test_every_failure_of_1c_is_told_apart(
    onec: Emulator, failure: str, error: type[HubError], words: str
) -> None:
    onec.failure = failure
    with pytest.raises(error) as caught:
        pages(connect(onec), "stock")
    assert words in caught.value.message
    assert type(caught.value) is error
    assert "Пароль-для-обмена" not in repr(caught.value) + caught.value.detail


def test_the_inside_of_1c_is_not_shown(onec: Emulator) -> None:
    onec.failure = "locked"
    with pytest.raises(RetryLater) as caught:
        pages(connect(onec), "stock")
    assert caught.value.after == 900
    assert not {"core.dll", "AAECAw"} & set(caught.value.message.replace("(", " ").split())
    onec.failure = "fault"
    with pytest.raises(Rejected) as refused:
        pages(connect(onec), "stock")
    assert "Запрос.Выполнить" not in refused.value.message
    assert "<<?>>" not in refused.value.message


def test_a_slow_1c_is_given_up_in_time(onec: Emulator) -> None:
    onec.failure = "slow"
    with pytest.raises(RetryLater):
        pages(connect(onec, timeout_seconds=1), "stock")


def test_a_cut_snapshot_is_never_complete(onec: Emulator) -> None:
    whole = b"".join(many_rows(3000))
    onec.answers["GetRemains"] = whole[: len(whole) * 4 // 5]
    answer = read(connect(onec), "stock", {})
    first, second = next(answer), next(answer)
    with pytest.raises(RetryLater):
        next(answer)
    assert not first.complete
    assert not second.complete


def resident_bytes() -> int:
    pages_held = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages_held * os.sysconf("SC_PAGE_SIZE")


def test_fifty_thousand_rows_stream_with_flat_memory(onec: Emulator) -> None:
    onec.answers["GetRemains"] = many_rows(50_000)
    before = resident_bytes()
    count, highest = 0, before
    for page in read(connect(onec), "stock", {}):
        count += len(list(page.sources()))
        highest = max(highest, resident_bytes())
    assert count == 50_000
    assert highest - before < 40 * 1024 * 1024


def test_two_reads_at_once_do_not_mix(onec: Emulator) -> None:
    onec.answers["GetRemains"] = b"".join(many_rows(1500))
    counts: list[int] = []

    def one() -> None:
        counts.append(sum(len(list(page.sources())) for page in read(connect(onec), "stock", {})))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [1500, 1500, 1500]


def test_cursor_values_are_compared_as_what_they_are() -> None:
    order = ["аб", "998", "1 001,5", "12.01.2026 09:00:00", "2026-01-12T18:21:10", "2026-02-01"]
    keys = [rank(value, MOSCOW) for value in order]
    assert None not in keys
    assert sorted(keys) == keys  # type: ignore[type-var]  # none of them is None, asserted above
    assert [version(key) for key in keys][3:5] == ["2026-01-12T06:00:00Z", "2026-01-12T15:21:10Z"]
    assert version(rank("998", MOSCOW)) < version(rank("1001", MOSCOW))
    for nothing in ("0001-01-01T00:00:00", "3999-12-31T23:59:59", "", None, {"a": "1"}):
        assert rank(nothing, MOSCOW) is None


def test_a_number_of_thousands_of_digits_is_only_a_text() -> None:
    assert version(rank("1E+5000", ZoneInfo("UTC"))) == "1E+5000"


def test_a_row_from_the_future_does_not_carry_the_cursor_away() -> None:
    now = datetime(2026, 1, 20, 12, tzinfo=UTC)
    marker = Marker("2026-01-19T00:00:00", MOSCOW, now)
    marker.see("2026-01-20T10:00:00")
    marker.see((now + timedelta(days=900)).isoformat())
    marker.see("2026-01-18T10:00:00")
    assert marker.value == "2026-01-20T10:00:00"


def test_a_text_that_breaks_xml_is_a_payload_error(onec: Emulator) -> None:
    whole = (FIXTURES / "stock.1.xml").read_bytes()
    onec.answers["GetRemains"] = whole.replace("Стол".encode(), b"\x0b", 1)
    with pytest.raises(PayloadError):
        pages(connect(onec), "stock")
