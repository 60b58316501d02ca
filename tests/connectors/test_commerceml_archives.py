"""Archives: nothing in them is trusted, whatever they say of themselves."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import pytest

from connectors._protocols.commerceml_archive import Limits
from connectors._protocols.commerceml_file import is_whole
from connectors._protocols.commerceml_reader import Reading, pages_of
from hub.sdk.errors import PayloadError
from tests.support.exchange import amount, offers_file

GOOD = offers_file({"a": amount("1", w="1")})


def archive(*files: tuple[str, bytes], **options: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as made:
        for name, body in files:
            made.writestr(name, body)
    return out.getvalue()


def rows(body: bytes, inner: str = "", **limits: int) -> int:
    reading = Reading(limits=Limits(**limits))
    return sum(len(page.rows) for page in pages_of(io.BytesIO(body), inner, {}, reading))


def refused(body: bytes, inner: str = "", **limits: int) -> str:
    with pytest.raises(PayloadError) as caught:
        rows(body, inner, **limits)
    return caught.value.message


def test_the_file_that_was_asked_for_is_read_and_no_other() -> None:
    body = archive(("offers0_1.xml", GOOD), ("sub/import0_1.xml", b"broken"))
    assert rows(body, "offers0_1.xml") == 1
    assert rows(body, "OFFERS0_1.xml") == 1
    assert "обрезан" in refused(body, "import0_1.xml")
    assert "обрезан" in refused(body)
    assert "нет файла «x.xml»; есть: offers0_1.xml, sub/import0_1.xml" in refused(body, "x.xml")


def test_without_a_name_all_its_documents_are_read() -> None:
    assert rows(archive(("a.xml", GOOD), ("b.xml", GOOD), ("p.jpg", b"\xff"))) == 2


@pytest.mark.parametrize("name", ["../x.xml", "/x.xml", "a/../../x.xml", "C:/x.xml", "..\\x.xml"])
def test_paths_that_lead_out_are_refused(name: str) -> None:
    assert "путём наружу" in refused(archive(("ok.xml", GOOD), (name, GOOD)), "ok.xml")


@pytest.mark.parametrize("name", ["inner.zip", "a/inner.ZIP", "x.rar", "x.7z", "x.tar.gz"])
def test_an_archive_in_an_archive_is_refused(name: str) -> None:
    body = archive(("ok.xml", GOOD), (name, archive(("x.xml", GOOD))))
    assert "архив внутри архива" in refused(body, "ok.xml")


def test_a_password_is_named() -> None:
    body = bytearray(archive(("ok.xml", GOOD)))
    # The flag of encryption, in the local header and in the directory.
    body[6] |= 1
    place = body.rfind(b"PK\x01\x02")
    body[place + 8] |= 1
    assert "с паролем" in refused(bytes(body), "ok.xml")


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        body = archive(("ok.xml", GOOD), ("ok.xml", GOOD))
    assert "с одним именем" in refused(body)


def test_too_many_files() -> None:
    body = archive(*((f"{n}.jpg", b"") for n in range(50)))
    assert "больше 49 файлов" in refused(body, max_files=49)


def test_an_archive_that_says_it_is_too_large() -> None:
    assert "больше чем в 1 МБ" in refused(
        archive(("ok.xml", GOOD + b" " * 2_000_000)), max_bytes=1024**2
    )


def lying(body: bytes, size: int) -> bytes:
    """An archive that says of its only file that it is so large."""
    changed = bytearray(body)
    local, directory = 0, body.rfind(b"PK\x01\x02")
    struct.pack_into("<I", changed, local + 22, size)
    struct.pack_into("<I", changed, directory + 24, size)
    return bytes(changed)


def test_a_bomb_that_lies_about_its_size_is_stopped_while_it_is_read() -> None:
    bomb = archive(("ok.xml", GOOD + b" " * 60_000_000))
    assert len(bomb) < 100_000
    assert "бомбы" in refused(bomb, "ok.xml")
    assert "испорчен" in refused(lying(bomb, 1000), "ok.xml") or "обрезан" in refused(
        lying(bomb, 1000), "ok.xml"
    )


def test_files_laid_over_each_other_are_refused() -> None:
    body = bytearray(archive(("a.xml", GOOD), ("b.xml", GOOD)))
    directory = body.find(b"PK\x01\x02")
    for _ in range(2):
        struct.pack_into("<I", body, directory + 20, len(body))
        directory = body.find(b"PK\x01\x02", directory + 4)
    assert "наложены" in refused(bytes(body), "a.xml")


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_a_cut_archive_is_refused(cut: int) -> None:
    body = archive(("ok.xml", GOOD))
    assert "архив испорчен" in refused(body[:-cut], "ok.xml")


def test_a_flipped_byte_inside_is_found() -> None:
    body = bytearray(archive(("ok.xml", GOOD)))
    body[60] ^= 0xFF
    assert "испорчен" in refused(bytes(body), "ok.xml")


def test_an_unknown_way_of_packing_is_named() -> None:
    body = bytearray(archive(("ok.xml", GOOD)))
    directory = body.rfind(b"PK\x01\x02")
    struct.pack_into("<H", body, 8, 97)
    struct.pack_into("<H", body, directory + 10, 97)
    assert "не читается" in refused(bytes(body), "ok.xml")


def test_an_empty_archive_says_so() -> None:
    assert "ни одного XML" in refused(archive(), "ok.xml")


def test_the_end_of_a_file_is_known() -> None:
    assert is_whole(GOOD)
    assert is_whole(GOOD + b"\r\n\r\n")
    assert is_whole(GOOD.decode().replace("UTF-8", "windows-1251").encode("cp1251"))
    assert is_whole(archive(("a.xml", GOOD)))
    assert not is_whole(GOOD[:-3])
    assert not is_whole(archive(("a.xml", GOOD))[:40])
