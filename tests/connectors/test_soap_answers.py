"""SOAP answers read as a stream, and answers that are broken or try to harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors._protocols import onec_replies, soap_rows
from connectors._protocols.soap_namespaces import Namespaces
from connectors._protocols.soap_rows import RowReader
from hub.sdk.errors import HubError, PayloadError, Rejected, RetryLater

NS = "http://example.ru/обмен"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def answer(operation: str, result: str, ns: str = "") -> bytes:
    ns = ns or ("http://example.ru/x" if operation.isascii() else NS)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>'
        f'<m:{operation}Response xmlns:m="{ns}" {XSI}>{result}</m:{operation}Response>'
        "</s:Body></s:Envelope>"
    ).encode()


def result(inside: str) -> str:
    return f"<m:return>{inside}</m:return>"


def reader(body: bytes, **options: Any) -> list[Any]:
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    return list(RowReader(["return", "Row"], "XResponse", **options).rows(pieces))


def test_rows_come_out_right_however_the_bytes_are_cut() -> None:
    rows = "<Row><A> 1 </A><B xsi:nil='true'/></Row><Row xsi:nil='true'/><Row><Row>2</Row></Row>"
    assert reader(answer("X", result(rows))) == [{"A": "1", "B": None}, {"Row": "2"}]


BOMB = (
    b'<?xml version="1.0"?><!-- a > b --><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    b'<!ENTITY b "&a;&a;&a;">]>'
)


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (BOMB + answer("X", result("<Row><A>&b;</A></Row>"))[38:], PayloadError, "DOCTYPE"),
        (b"<!DOCTYPE html><html><body>x</body></html>", RetryLater, "веб-страница"),
        (b"<html><body>x</body></html>", RetryLater, "веб-страница"),
        (b"<rss></rss>", RetryLater, "XML <rss>"),
        (b"just text", RetryLater, "не XML"),
        (answer("X", "")[:-5], RetryLater, "оборван"),
        (answer("X", result("<Row><A>1</B></Row>")), PayloadError, "испорченный"),
        (answer("Y", result("<Row><A>1</A></Row>")), PayloadError, "вместо «XResponse»"),
        (b'<s:Envelope xmlns:s="x"><s:Body/></s:Envelope>', RetryLater, "пуст"),
        (answer("X", result("<Line><A>1</A></Line>")), PayloadError, "есть: Line"),
        (answer("X", result("нет прав")), PayloadError, "нет прав"),
        (
            answer("X", "<m:return/><m:ErrorMessage>Нет склада</m:ErrorMessage>"),
            Rejected,
            "Нет склада",
        ),
        (answer("X", result("<Row>" + "<a>" * 300 + "</a>" * 300 + "</Row>")), PayloadError, ""),
    ],
)
def test_what_is_no_answer_is_told_apart(body: bytes, error: type[HubError], words: str) -> None:
    with pytest.raises(error) as caught:
        reader(body)
    assert words in caught.value.message
    assert type(caught.value) is error


def test_a_cyrillic_namespace_is_found_wherever_the_bytes_are_cut() -> None:
    names = Namespaces()
    names.learn(f'<definitions targetNamespace="{NS}"/>'.encode())
    body = answer("ПолучитьТаблицу", result(f'<Row xmlns="{NS}"><A>{NS}</A></Row>'))
    for size in (1, 5, 64, 4096):
        chunks = (body[at : at + size] for at in range(0, len(body), size))
        rows = RowReader(["return", "Row"]).rows(names.encode(chunks))
        assert list(rows) == [{"A": NS}]
    with pytest.raises(PayloadError, match="пространство имён"):
        list(RowReader(["return", "Row"]).rows([body]))


def test_utf16_cannot_hide_a_doctype() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x []><x/>'
    with pytest.raises(RetryLater):
        reader(text.encode("utf-16"))


def test_a_soap12_fault_and_a_licence_in_a_fault() -> None:
    def fault(words: str) -> bytes:
        return (
            '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault>'
            "<e:Code><e:Value>e:Receiver</e:Value></e:Code>"
            f'<e:Reason><e:Text xml:lang="ru">{words}</e:Text></e:Reason></e:Fault></e:Body>'
            "</e:Envelope>"
        ).encode()

    with pytest.raises(Rejected, match="Нет прав"):
        reader(fault("Нет прав"))
    with pytest.raises(RetryLater) as caught:
        reader(fault("Не обнаружено свободной лицензии!"))
    assert caught.value.after == onec_replies.LICENCE_PAUSE_SECONDS
    with pytest.raises(RetryLater):
        reader(fault("Конфликт блокировок при выполнении транзакции"))


def test_an_answer_without_rows_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soap_rows, "MAX_BYTES_WITHOUT_ROW", 1024 * 1024)

    def endless() -> Iterator[bytes]:
        yield answer("X", "<m:return>").partition(b"</m:XResponse")[0]
        while True:
            yield b"<Line><A>1</A></Line>" * 3000

    with pytest.raises(PayloadError, match="нет строк"):
        list(RowReader(["return", "Row"]).rows(endless()))


def test_ones_own_words_survive_and_the_stack_does_not() -> None:
    said = onec_replies.plain_words(
        "{ВебСервис.Обмен.Модуль(12)}: Ошибка при вызове метода\n\tА = Б.В();\n"
        "{ОбщийМодуль.Остатки.Модуль(7)}:Остатки.Получить();\nпо причине:\nДеление на 0\n"
    )
    assert said == "{ВебСервис.Обмен.Модуль(12)}: Ошибка при вызове метода — Деление на 0"
