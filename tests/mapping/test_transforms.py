"""Every transform by table: what it takes, what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.mapping.transforms import MISSING, TRANSFORMS, MappingContext, TransformError

CONTEXT = MappingContext(
    timezone=ZoneInfo("Europe/Moscow"),
    phone_region="RU",
    settings={"managers": {"101": "alice@example.ru", 102: "bob@example.ru", "103": ""}},
)
NBSP, NARROW = "\u00a0", "\u202f"


def run(name: str, value: Any, argument: Any = None) -> Any:
    return TRANSFORMS[name].function(value, argument, CONTEXT)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]  # the zone is the last part


TEXTS: list[tuple[str, Any, Any, Any]] = [
    ("text", "  Иван ", None, "Иван"),
    ("text", 12, None, "12"),
    ("text", Decimal("1E+3"), None, "1000"),
    ("text", Decimal("10.50"), None, "10.50"),
    ("text", 12.0, None, "12"),
    ("text", True, None, "true"),
    ("text", {"@code": "1", "#text": " склад "}, None, "склад"),
    ("text", "a\x00b\ud800", None, "ab"),
    ("lower", " ABC ", None, "abc"),
    ("upper", "абв", None, "АБВ"),
    ("digits", "№ 12-34", None, "1234"),
    ("digits", "нет", None, None),
    ("unescape", "&quot;Ромашка&quot; &amp; Ко &#8381;", None, '"Ромашка" & Ко ₽'),
    ("html_to_text", "<p>Привет,<br>мир</p><script>x()</script>", None, "Привет,\nмир"),
    ("html_to_text", "<!-- -->", None, None),
    ("html_to_text", "просто текст", None, "просто текст"),
    ("currency", "RUR", None, "RUB"),
    ("currency", "руб.", None, "RUB"),
    ("currency", 643, None, "RUB"),
    ("currency", "usd", None, "USD"),
    ("person_name", [" Иван ", None, "  Петров "], None, "Иван Петров"),
    ("person_name", "Анна   Мария", None, "Анна Мария"),
    ("person_name", [None, ""], None, None),
    ("phone_of_country", ["(555) 555-5555", "US"], None, "+15555555555"),
    ("phone_of_country", ["8 916 123-45-67", ""], None, "+79161234567"),
    ("phone_of_country", [None, "US"], None, None),
    ("inn", "7707083893", None, "7707083893"),
    ("inn", " 500100732259 ", None, "500100732259"),
    ("kpp", "773601001", None, "773601001"),
    ("kpp", 73601001, None, "073601001"),
    ("join", ["a", None, " b ", 3], ", ", "a, b, 3"),
    ("join", [], ", ", None),
    ("join", "one", ", ", "one"),
    ("first", [None, "", "x", "y"], None, "x"),
    ("first", [], None, None),
    ("first", "x", None, "x"),
    ("json", '{"a": [1, 2.50]}', None, {"a": [1, Decimal("2.50")]}),
    ("json", [1], None, [1]),
    ("lookup", "101", "settings.managers", "alice@example.ru"),
    ("lookup", 102, "settings.managers", "bob@example.ru"),
    ("lookup", "103", "settings.managers", MISSING),
    ("lookup", "999", "settings.managers", MISSING),
    ("lookup", "101", "settings.nothing.here", MISSING),
]

NUMBERS: list[tuple[str, Any, str]] = [
    ("money", "1 233,05", "1233.05"),
    ("money", f"1{NBSP}233,05", "1233.05"),
    ("money", f"1{NARROW}233{NARROW}000,5", "1233000.5"),
    ("money", "1,234.56", "1234.56"),
    ("money", "1.234.567,89", "1234567.89"),
    ("money", "1,234,567", "1234567"),
    ("money", "1'234.50", "1234.50"),
    ("money", "\u2212" + "5,00", "-5.00"),
    ("money", "-5.10", "-5.10"),
    ("money", "99,90 ₽", "99.90"),
    ("money", "1 500 руб.", "1500"),
    ("money", "100.00", "100.00"),
    ("money", 1500, "1500"),
    ("money", 0.1, "0.1"),
    ("money", Decimal("29.350"), "29.350"),
    ("money", "1.5E3", "1500"),
    ("money", Decimal("1E+3"), "1000"),
    ("money", "-0", "0"),
    ("quantity", "1 233,050", "1233.05"),
    ("quantity", "100", "100"),
    ("quantity", Decimal("100.000"), "100"),
    ("quantity", "-3,5", "-3.5"),
    ("quantity", "0,000", "0"),
    ("quantity", 7, "7"),
    ("quantity", "999999999999999999.123456789012345678", "999999999999999999.123456789012345678"),
]

TIMES: list[tuple[str, Any, Any, datetime | None]] = [
    ("time", "2026-01-12T15:21:10Z", None, utc(2026, 1, 12, 15, 21, 10)),
    ("time", "2026-01-12T18:21:10+03:00", None, utc(2026, 1, 12, 15, 21, 10)),
    ("time", "2026-01-12 18:21:10", None, utc(2026, 1, 12, 15, 21, 10)),
    ("time", "2026-01-12T18:21:10.1234567", None, utc(2026, 1, 12, 15, 21, 10, 123456)),
    ("time", "2026-01-12", None, utc(2026, 1, 11, 21)),
    ("time", "12.01.2026 18:20:05", None, utc(2026, 1, 12, 15, 20, 5)),
    ("time", "12.01.2026 9:05", None, utc(2026, 1, 12, 6, 5)),
    ("time", "12.01.2026", None, utc(2026, 1, 11, 21)),
    ("time", "20260112182005", None, utc(2026, 1, 12, 15, 20, 5)),
    ("time", "20260112", None, utc(2026, 1, 11, 21)),
    ("time", "Mon, 12 Jan 2026 18:20:05 +0300", None, utc(2026, 1, 12, 15, 20, 5)),
    ("time", "0001-01-01T00:00:00", None, None),
    ("time", "01.01.0001 0:00:00", None, None),
    ("time", "0000-00-00 00:00:00", None, None),
    ("time", "3999-12-31T00:00:00", None, None),
    ("time", datetime(2026, 1, 12, 18, 0), None, utc(2026, 1, 12, 15)),  # noqa: DTZ001  # naive is the case
    ("time_utc", "2026-01-12T15:21:10", None, utc(2026, 1, 12, 15, 21, 10)),
    ("time_utc", "2026-01-12T15:21:10+03:00", None, utc(2026, 1, 12, 12, 21, 10)),
    ("unixtime", 1768231270, None, utc(2026, 1, 12, 15, 21, 10)),
    ("unixtime", "1768231270", None, utc(2026, 1, 12, 15, 21, 10)),
    ("unixtime", Decimal("1768231270.5"), None, utc(2026, 1, 12, 15, 21, 10, 500000)),
    ("unixtime", 0, None, None),
    ("unixtime_ms", 1768231270500, None, utc(2026, 1, 12, 15, 21, 10, 500000)),
    ("date", "12/01/26", "%d/%m/%y", utc(2026, 1, 11, 21)),
    ("date", "12/01/26 +0000", "%d/%m/%y %z", utc(2026, 1, 12)),
]

PEOPLE: list[tuple[str, Any, Any]] = [
    ("phone", "8 (916) 123-45-67", "+79161234567"),
    ("phone", 79161234567, "+79161234567"),
    ("phone", "9161234567", "+79161234567"),
    ("phone", "375291234567", "+375291234567"),
    ("phone", "+49 30 901820", "+4930901820"),
    ("phone", "+7 916 123-45-67 доб. 12", "+79161234567"),
    ("phone", "8 916 123-45-67, 8 903 765-43-21", "+79161234567"),
    ("phone", "нет; 8 903 765-43-21", "+79037654321"),
    ("phone", "anonymous", None),
    ("phone_or_extension", "101", "101"),
    ("phone_or_extension", "*61#", "*61#"),
    ("phone_or_extension", 101, "101"),
    ("phone_or_extension", "sip:101@pbx.local", "101"),
    ("phone_or_extension", "sip:+79161234567@pbx", "+79161234567"),
    ("phone_or_extension", "84951234567", "+74951234567"),
    ("email", " Alice@Example.RU ", "alice@example.ru"),
    ("email", "Алиса <alice@example.ru>", "alice@example.ru"),
    ("email", "mailto:bob@shop.test", "bob@shop.test"),
    ("email", "bob@demo.invalid", "bob@demo.invalid"),
    ("email", "почта@пример.рф", "почта@пример.рф"),
]

RUBBISH: list[tuple[str, Any, Any]] = [
    ("text", ["a"], None),
    ("text", {"a": 1}, None),
    ("text", 10**2000, None),
    ("text", Decimal("1E+999999"), None),
    ("html_to_text", "x" * 3_000_000, None),
    ("currency", "деньги", None),
    ("money", "abc", None),
    ("money", "1 2 3", None),
    ("money", "12.01.2026", None),
    ("money", True, None),
    ("money", Decimal("NaN"), None),
    ("money", float("inf"), None),
    ("money", "1e19", None),
    ("money", 10**18, None),
    ("money", "1e-30", None),
    ("money", "9" * 100, None),
    ("quantity", "много", None),
    ("quantity", [], None),
    ("integer", "1.5", None),
    ("integer", 2**31, None),
    ("boolean", "может быть", None),
    ("time", 1768231270, None),
    ("time", "1768231270", None),
    ("time", "завтра", None),
    ("time", "1899-12-31", None),
    ("time", "3000-01-01", None),
    ("time", "2026-02-30", None),
    ("time", "32.01.2026", None),
    ("unixtime", 1768231270500, None),
    ("unixtime", "вчера", None),
    ("unixtime_ms", 10**17, None),
    ("date", "2026", "%d/%m/%y"),
    ("phone", "позвоните мне", None),
    ("phone", "101", None),
    ("phone", "1" * 500, None),
    ("phone_or_extension", "sip:alice@pbx", None),
    ("email", "нет", None),
    ("email", "a@b@c", None),
    ("inn", "7707083894", None),
    ("inn", "123", None),
    ("kpp", "12", None),
    ("json", "{", None),
]


@pytest.mark.parametrize(("name", "value", "argument", "wanted"), TEXTS)
def test_text_is_read(name: str, value: Any, argument: Any, wanted: Any) -> None:
    assert run(name, value, argument) == wanted


@pytest.mark.parametrize(("name", "value", "wanted"), NUMBERS)
def test_numbers_are_exact(name: str, value: Any, wanted: str) -> None:
    number = run(name, value)
    assert isinstance(number, Decimal)
    assert format(number, "f") == str(number) == wanted


@pytest.mark.parametrize(("name", "value", "argument", "wanted"), TIMES)
def test_times_are_aware_and_utc(
    name: str, value: Any, argument: Any, wanted: datetime | None
) -> None:
    moment = run(name, value, argument)
    assert moment == wanted
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(("name", "value", "wanted"), PEOPLE)
def test_people_are_recognised(name: str, value: Any, wanted: Any) -> None:
    assert run(name, value) == wanted


@pytest.mark.parametrize(("name", "value", "argument"), RUBBISH)
def test_rubbish_is_refused_with_short_words(name: str, value: Any, argument: Any) -> None:
    with pytest.raises(TransformError) as caught:
        run(name, value, argument)
    assert 0 < len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("12", 12), (" 1 233 ", 1233), (Decimal("5.00"), 5), (-7, -7), (3.0, 3)],
)
def test_integer(value: Any, wanted: int) -> None:
    number = run("integer", value)
    assert number == wanted
    assert type(number) is int


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["да", "Истина", "TRUE", "1", 1, "yes", "on", True], True),
        (["нет", "ложь", "False", "0", 0, "no", "off", False], False),
    ],
)
def test_boolean(words: list[Any], wanted: bool) -> None:
    assert [run("boolean", word) for word in words] == [wanted] * len(words)


def test_unixtime_hints_at_milliseconds() -> None:
    with pytest.raises(TransformError, match="unixtime_ms"):
        run("unixtime", 1768231270500)


def test_time_hints_at_unixtime() -> None:
    with pytest.raises(TransformError, match="use unixtime"):
        run("time", "1768231270")


def test_an_inn_that_lost_its_leading_zero_as_a_number() -> None:
    assert run("inn", 278000028) == run("inn", "0278000028") == "0278000028"


def test_every_transform_is_described_and_tried() -> None:
    tried = {row[0] for table in (TEXTS, NUMBERS, TIMES, PEOPLE, RUBBISH) for row in table}
    assert tried == set(TRANSFORMS)
    assert all(len(transform.doc) > 10 for transform in TRANSFORMS.values())


def test_readme_lists_exactly_the_registered_transforms() -> None:
    readme = (Path(__file__).parents[2] / "mappings" / "README.md").read_text("utf-8")
    table = readme.split("## Преобразования", 1)[1].split("---\n\n#", 1)[0]
    listed = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(TRANSFORMS)
