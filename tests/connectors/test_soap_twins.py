"""Rows read as text are the rows that the XML parser would have read, in the same order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors._protocols.soap_rows import RowReader
from connectors._protocols.soap_twins import Twins
from hub.sdk.errors import HubError, PayloadError

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
    '<m:XResponse xmlns:m="http://example.ru/x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-'
    'instance"><m:return>'
)
TAIL = "</m:return></m:XResponse></s:Body></s:Envelope>"
ORDINARY = "<m:Row><m:A>{0}</m:A><m:Имя>Чай</m:Имя></m:Row>"
#: What a row, or what stands between rows, may look like.
PIECES = st.sampled_from(
    [
        *[ORDINARY.format(text) for text in ("1", " 2 ", "&lt;b&gt;", "&#1040;", "x > y", "\r\n3")],
        ORDINARY.format("<![CDATA[<m:Row>]]>"),
        "<m:Row><m:A/><m:Имя>Чай</m:Имя></m:Row>",
        "<m:Row><m:A xsi:nil='true'/><m:Имя>Чай</m:Имя></m:Row>",
        "<m:Row><m:A xsi:nil='true'/></m:Row>",
        "<m:Row ><m:A>4</m:A><m:Имя>Ж</m:Имя></m:Row >",
        "<m:Row i='7'><m:A>5</m:A></m:Row>",
        "<m:Row><m:A>6</m:A><m:A>7</m:A></m:Row>",
        "<m:Row><m:A><m:B>8</m:B></m:A></m:Row>",
        "<m:Row><m:Row>9</m:Row></m:Row>",
        "<m:Row><n:A xmlns:n='urn:n'>10</n:A></m:Row>",
        "<Row><A>11</A></Row>",
        "<m:Row>текст<m:A>12</m:A>ещё</m:Row>",
        "<m:Row><!-- <m:A>0</m:A> --><m:A>13</m:A></m:Row>",
        "<m:Row/>",
        "<!-- " + ORDINARY.format("never") + " -->",
        "<?x " + ORDINARY.format("never") + " ?>",
        "<![CDATA[" + ORDINARY.format("never") + "]]>",
        "<m:Total>" + ORDINARY.format("deeper") + "</m:Total>",
        "</m:return><m:return>",
        "\n  ",
        "слова",
    ]
)
BROKEN = st.sampled_from(["", "<m:Row>", "</m:A>", "&nope;", "\x01", "<m:Row><m:A>1</m:Row>"])


def read(body: bytes, size: int) -> tuple[list[Any], str]:
    """The rows, and the class of the error that ended them."""
    rows: list[Any] = []
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    try:
        for row in RowReader(["return", "Row"], "XResponse").rows(pieces):
            rows.append(row)
    except HubError as error:
        return rows, type(error).__name__
    return rows, ""


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12), BROKEN, st.integers(1, 400))
def test_the_parser_and_the_twins_agree(pieces: list[str], broken: str, size: int) -> None:
    warm = ORDINARY.format("0") * 3
    body = (HEAD + warm + "".join(pieces) + warm + broken + warm + TAIL).encode()
    found = read(body, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Twins, "learn", lambda *_: None)
        rows, error = read(body, size)
    # A broken answer gives no row to anybody; how far it was read does not matter.
    assert found == (rows, error) if not error else found[1] == error


def test_most_rows_of_an_ordinary_answer_never_meet_the_parser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[int] = []
    take = Twins.take

    def counting(twins: Twins, text: str, at: int) -> tuple[list[dict[str, Any]], int]:
        rows, end = take(twins, text, at)
        taken.append(len(rows))
        return rows, end

    monkeypatch.setattr(Twins, "take", counting)
    body = (HEAD + "".join(ORDINARY.format(n) for n in range(2000)) + TAIL).encode()
    rows, error = read(body, 4096)
    assert [row["A"] for row in rows] == [str(n) for n in range(2000)]
    assert not error
    assert sum(taken) > 1800


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "utf-8-sig"])
def test_an_answer_in_any_encoding_is_read(encoding: str) -> None:
    body = HEAD + "".join(ORDINARY.format(n) for n in range(100)) + TAIL
    said = "windows-1251" if encoding == "windows-1251" else "UTF-8"
    rows, error = read(body.replace("UTF-8", said).encode(encoding), 1000)
    assert (len(rows), rows[50]["Имя"], error) == (100, "Чай", "")


def test_bytes_that_are_no_text_are_refused() -> None:
    body = (HEAD + "".join(ORDINARY.format(n) for n in range(100)) + TAIL).encode()
    at = body.index("Чай".encode(), 3000)
    with pytest.raises(PayloadError, match="испорченный"):
        list(RowReader(["return", "Row"]).rows([body[:at] + b"\xd0\x41" + body[at:]]))
