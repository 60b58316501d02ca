"""What fuzzing found once, each by the smallest input that showed it."""

from __future__ import annotations

import pytest

from tests.fuzz.target import Run, all_targets
from tests.fuzz.worker import trouble

FOUND = [
    # A part of a multipart form without a name was answered 503, signed or not.
    (
        "webhook:mailgun",
        b"POST /\nContent-Type:multipart/form-data;boundary=b\n\n--b\nContent-Disposition\n\n--b--",
    ),
    # A field's name behind a byte order mark is found in UTF-8 and not in Latin-1.
    ("webhook:mailgun", b"POST /\n\n\xef\xbb\xbfbody-mime=x"),
    # Secrets that are no text.
    (
        "connection:file",
        b"connector: imap\nsettings: {host: e, username: e}\nsecrets: {password: }",
    ),
    (
        "connection:file",
        b"connector: imap\nsettings: {host: e, username: e}\nsecrets: {password: 1}",
    ),
    # Errors about what a file lacks had no line.
    ("connection:file", b".:"),
    ("connection:file", b"connector: imap\nmappings:\n  nobody: {fields: {sku: a}}"),
    ("mapping:file", b"order\nl"),
    # What ruamel.yaml raises besides its own errors.
    ("mapping:file", b"order\nfields: " + b"[" * 400),
    ("mapping:file", b"order\n:\n%YAML 9.9"),
    ("mapping:file", b"order\na: &a [*a]"),
    ("mapping:file", b"order\nfields: {\xff"),
    ("mapping:file", b"order\nfields: {a: \x01}"),
    # Retry-After of 5 000 digits, of no century, of digits that are none.
    ("text:functions", b"retry-after\n" + b"9" * 5000),
    ("text:functions", b"retry-after\n2 Jan 2 5:9999999999"),
    ("text:functions", "retry-after\n²".encode()),
    # A stream that is due after the end of time.
    ("text:functions", b"rule\nevery 20260112d"),
    ("text:functions", b"rule\nevery " + b"9" * 5000 + b"d"),
    # A time zone whose name no file can have.
    (
        "connection:file",
        b"connector: mango\nsettings: {timezone: "
        + b"x" * 300
        + b"}\nsecrets: {api_key: a, api_salt: b}",
    ),
    # A property of a 1C structure with nothing in it but a processing instruction.
    (
        "soap",
        b'0\n<s:Envelope xmlns:s="e"><s:Body><m:R xmlns:m="x">'
        b'<m:return xmlns:v8="http://v8.1c.ru/8.1/data/core"><v8:Property><?x?></v8:Property>'
        b"</m:return></m:R></s:Body></s:Envelope>",
    ),
    # %00 in a query came through as a NUL.
    ("text:functions", b"request\na=%00\n"),
    # Looking for an address in a long word without one took time by the square of its length.
    ("mail", "From: a@b.example\nCc: {}\n\n".format("😀" * 70_000).encode()),
    # A part of a form whose content type holds a NUL.
    (
        "webhook:mailgun",
        b"\nContent-Type:multipart/form-data;boundary=b\n\n"
        b'--b\nContent-Disposition:a;name="message-headers"\r\n\r\n[\n'
        b'--b\nContent-Disposition:a;filename="f"\nContent-Type:\x00\n\n--b--',
    ),
]
TARGETS = {target.name: target for target in all_targets()}
OPENED: dict[str, Run] = {}


@pytest.mark.parametrize(("name", "blob"), FOUND, ids=lambda given: str(given)[:40])
def test_it_does_not_happen_again(name: str, blob: bytes) -> None:
    run = OPENED.setdefault(name, TARGETS[name].open())
    if error := trouble(run, blob, alone=True):
        raise error
