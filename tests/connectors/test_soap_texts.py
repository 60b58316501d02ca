"""Answers that are one text: JSON or XML in a string, a zip in base64, however long."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from connectors._protocols import onec_replies, soap_inside
from connectors._protocols.soap_texts import TextReader
from hub.sdk.errors import HubError, PayloadError, Rejected, RetryLater

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ROWS = [{"Артикул": "КР-1", "Остаток": "7,25"}, {"Артикул": "СТ-2", "Остаток": None}]
XML_ROWS = "<Rows><Row><A>1</A></Row><Row><A> 2 &amp; 3 </A></Row></Rows>"


def envelope(inside: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}"><s:Body>'
        f'<m:XResponse xmlns:m="http://example.ru/x">{inside}</m:XResponse></s:Body></s:Envelope>'
    ).encode()


def escaped(text: str) -> bytes:
    return envelope(f"<m:return>{escape(text)}</m:return>")


def cdata(text: str) -> bytes:
    return envelope(f"<m:return><![CDATA[{text}]]></m:return>")


def read(body: bytes, path: str = "return", size: int = 7, **options: Any) -> list[Any]:
    chunks = (body[at : at + size] for at in range(0, len(body), size))
    return list(TextReader(path.split("."), "XResponse", **options).rows(chunks))


@pytest.mark.parametrize("wrap", [escaped, cdata])
@pytest.mark.parametrize(
    ("text", "path", "rows"),
    [
        (json.dumps(ROWS, ensure_ascii=False), "return", ROWS),
        (json.dumps({"ok": True, "данные": {"строки": ROWS}}), "return.данные.строки", ROWS),
        (json.dumps({"строки": ROWS, "итог": 2}), "return", ROWS),
        ('{"sku": "1", "tags": ["a", "b"]}', "return", [{"sku": "1", "tags": ["a", "b"]}]),
        ('{"a": [null, {"b": 1}, null]}', "return", [{"b": 1}]),
        ('[{"n": 12345678901234567890, "m": {"x": [1, {"y": null}]}}]', "return",
         [{"n": 12345678901234567890, "m": {"x": [1, {"y": None}]}}]),
        ("\ufeff[]", "return", []),
        ("null", "return", None),
        (XML_ROWS, "return.Rows.Row", [{"A": "1"}, {"A": "2 & 3"}]),
        (XML_ROWS, "return.Row", [{"A": "1"}, {"A": "2 & 3"}]),
        (f'<?xml version="1.0" encoding="UTF-8"?><!-- x -->{XML_ROWS}', "return",
         [{"A": "1"}, {"A": "2 & 3"}]),
        ('<r:Rows xmlns:r="u"><r:Row Код="1"/></r:Rows>', "return", [{"@Код": "1"}]),
        ("<Item><A>1</A><B>2</B></Item>", "return", [{"A": "1", "B": "2"}]),
        ("<Rows/>", "return.Row", []),
    ],
)  # fmt: skip
def test_rows_in_a_text_come_out_right_however_the_bytes_are_cut(
    wrap: Callable[[str], bytes], text: str, path: str, rows: list[Any] | None
) -> None:
    for size in (1, 7, 65536):
        if rows is None:
            with pytest.raises(PayloadError, match="вместо строк"):
                read(wrap(text), path, size)
        else:
            assert read(wrap(text), path, size) == rows


@pytest.mark.parametrize("inside", ["<m:return/>", '<m:return i:nil="true" xmlns:i="u"/>', ""])
def test_an_empty_text_has_no_rows(inside: str) -> None:
    assert read(envelope(inside)) == []


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (escaped('{"rows": [{"a": 1}'), PayloadError, "JSON"),
        (escaped('[{"a": 1}] x'), PayloadError, "JSON"),
        (escaped('[{"a": NaN}]'), PayloadError, "JSON"),
        (escaped("[1, 2]"), PayloadError, "не объект"),
        (escaped('{"data": [{"a": 1}]}'), PayloadError, "есть: data"),
        (escaped('[{"a": 1e999999999}]'), PayloadError, "number"),
        (escaped('[{"a": ' + "9" * 5000 + "}]"), PayloadError, ""),
        (escaped("[" + '{"a":' * 100 + "1" + "}" * 100 + "]"), PayloadError, "nested"),
        (escaped("<Rows><Row><A>1</B></Row></Rows>"), PayloadError, "испорченный"),
        (escaped("<Rows><Row><A>1</A></Row>"), PayloadError, "испорченный"),
        (escaped("<!DOCTYPE x []><Rows/>"), PayloadError, ""),
        (escaped(f"{XML_ROWS}</Answer></Body></Envelope>"), PayloadError, ""),
        (escaped("Склад не найден"), PayloadError, "Склад не найден"),
        (escaped('[{"a": 1}]')[:-5], RetryLater, "оборван"),
        (escaped('[{"a": 1}]')[:-60], RetryLater, "оборван"),
        (envelope("<m:return><Row/></m:return>"), PayloadError, "вместо текста"),
        (escaped("[]").replace(b"XResponse", b"YResponse"), PayloadError, "вместо «XResponse»"),
        (f'<s:Envelope xmlns:s="{SOAP}"><s:Body/></s:Envelope>'.encode(), RetryLater, "пуст"),
        (escaped("[]").replace(b"UTF-8", b"utf7"), PayloadError, "испорченный"),
        (escaped("[]").replace(b"UTF-8", b"no-such"), PayloadError, "испорченный"),
        (b"<!DOCTYPE a []>" + escaped("[]")[38:], PayloadError, "DOCTYPE"),
        (
            envelope("<m:return>нет</m:return><m:ErrorMessage>Нет склада</m:ErrorMessage>"),
            Rejected,
            "Нет склада",
        ),
        (
            f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault><faultstring>Деление на 0</faultstring>'
            "</s:Fault></s:Body></s:Envelope>".encode(),
            Rejected,
            "Деление на 0",
        ),
    ],
)
def test_what_is_no_text_with_rows_says_what_it_is(
    body: bytes, error: type[HubError], words: str
) -> None:
    for size in (7, 65536):
        with pytest.raises(error) as caught:
            read(body, "return.items" if words.startswith("есть") else "return", size)
        assert type(caught.value) is error
        assert words in caught.value.message


def test_an_error_told_after_the_rows_fails_the_whole_answer() -> None:
    body = envelope('<m:return>[{"a": 1}]</m:return><m:ErrorMessage>Не всё</m:ErrorMessage>')
    chunks = (body[at : at + 7] for at in range(0, len(body), 7))
    rows = TextReader(["return"], "XResponse").rows(chunks)
    assert next(rows) == {"a": 1}
    with pytest.raises(Rejected, match="Не всё"):
        next(rows)


def many(count: int, wrap: str) -> Iterator[bytes]:
    """One string with so many rows, made as it is read."""
    head, _, tail = envelope("<m:return>|</m:return>").partition(b"|")
    yield head + (b"<![CDATA[" if wrap == "cdata" else b"") + b'{"items": ['
    for first in range(0, count, 500):
        rows = ",".join(
            json.dumps({"Item": f"6c4e0c00-{n:012d}", "Name": f"Товар {n}", "Qty": f"{n},5"})
            for n in range(first, min(first + 500, count))
        )
        yield ((rows if wrap == "cdata" else escape(rows)) + ",").encode()
    yield b'{"Item": "last"}]}' + (b"]]>" if wrap == "cdata" else b"") + tail


@pytest.mark.parametrize("wrap", ["cdata", "escaped"])
def test_one_string_with_very_many_rows_takes_the_memory_of_one(wrap: str) -> None:
    tracemalloc.start()
    try:
        count = sum(1 for _ in TextReader(["return", "items"]).rows(many(30_000, wrap)))
        _, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 30_001
    assert highest < 4 * 1024 * 1024


# Base64.


def packed(files: Iterable[tuple[str, bytes]]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files:
            file.writestr(name, content)
    return archive.getvalue()


def in_base64(content: bytes) -> bytes:
    text = base64.encodebytes(content).decode()
    return envelope(f"<m:return>{text}</m:return>")


CP1251 = '<?xml version="1.0" encoding="windows-1251"?><Rows><Row><A>Стул</A></Row></Rows>'


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (packed([("data.json", b'[{"a": 1}]')]), [{"a": 1}]),
        (packed([("1.xml", CP1251.encode("cp1251"))]), [{"A": "Стул"}]),
        (packed([("a/", b""), ("a/1.json", b'[{"a": 1}]'), ("2.json", b"[]")]), [{"a": 1}]),
        (gzip.compress(b'\xef\xbb\xbf[{"a": 1}]', mtime=0), [{"a": 1}]),
        (b'[{"a": 1}]', [{"a": 1}]),
        (b"", []),
    ],
)
def test_base64_is_a_zip_or_what_it_is(content: bytes, rows: list[Any], tmp_path: Path) -> None:
    for size in (7, 65536):
        assert read(in_base64(content), size=size, binary=True, folder=str(tmp_path)) == rows


def test_a_broken_archive_and_one_that_never_ends_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = packed([("data.json", b'[{"a": 1}]')])
    for content, words in (
        (whole[:-10], "не раскрывается"),
        (whole.replace(b"[{", b"[["), "не раскрывается"),
        (gzip.compress(b"[{}]")[:-9], "не раскрывается"),
        (b"\xff\xfe\xff", "не читается"),
    ):
        with pytest.raises(PayloadError, match=words):
            read(in_base64(content if content != whole else whole[:-1]), binary=True)
    with pytest.raises(PayloadError, match="base64"):
        read(envelope("<m:return>не base64</m:return>"), binary=True)
    monkeypatch.setattr(soap_inside, "MAX_UNPACKED_BYTES", 1_000_000)
    bomb = packed([("data.json", b"[" + b'{"a": 1},' * 500_000 + b"{}]")])
    with pytest.raises(PayloadError, match="больше"):
        read(in_base64(bomb), size=65536, binary=True)


# Texts that cost more than they are worth.


@pytest.mark.parametrize(
    "text",
    [
        "1c\n" + "<" * 70_000,
        "<script" * 70_000,
        "<title" * 70_000,
        "<!--" * 90_000,
        "{((1" * 90_000,
        "\n".join(map(str, range(150_000))),
    ],
)
@pytest.mark.timeout(30)
def test_words_of_a_page_are_found_in_one_pass(text: str) -> None:
    """It was quadratic: a page like these would take hours now, were it so still."""
    for said in (
        onec_replies.page_words(text * 20),
        onec_replies.plain_words(text * 20),
        onec_replies.not_an_answer("text/html", text * 20).message,
    ):
        assert len(said) < 1000
