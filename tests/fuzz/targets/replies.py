"""What other systems answer: mails, SOAP envelopes, the pages of every polled stream."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from random import Random
from typing import Any
from unittest import mock

import requests
from urllib3 import HTTPResponse

from connectors._protocols.mail import message_record, read_mail
from connectors._protocols.soap_rows import RowReader
from connectors._protocols.soap_texts import TextReader
from hub.registry import CONNECTORS, Connector, connector, make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import HubError, PayloadError
from hub.sdk.records import Page
from hub.store.database import to_json
from tests.contract.cases import NAMES, check_record
from tests.fuzz.markup import join_http, mutate_http, mutate_mime, mutate_xml, split_http
from tests.fuzz.mutate import mutate_bytes
from tests.fuzz.target import Finding, Run, Target
from tests.fuzz.targets.webhooks import NOW, document_of

#: No honest answer to one mutated page makes a stream longer than this.
MAX_PAGES = 300
MAX_CALLS = 60


def targets() -> list[Target]:
    """Mail and SOAP by their fixtures, and each connector whose streams come over HTTP."""
    found = [
        Target("mail", _open_mail, 8),
        Target("soap", _open_soap, 8),
    ]
    found += [
        Target(f"poll:{name}", partial(_open_poll, name), 0.6) for name in NAMES if _pages_of(name)
    ]
    return found


def _open_mail() -> Run:
    seeds = [path.read_bytes() for path in sorted(CONNECTORS.glob("*/fixtures/*.eml"))]
    return Run(seeds, _mail_change, check_mail)


def _mail_change(body: bytes, random: Random) -> bytes:
    return mutate_bytes(body, random) if random.random() < 0.15 else mutate_mime(body, random)


def check_mail(raw: bytes) -> None:
    """A mail is read or refused with PayloadError, twice the same, and can be stored as JSON."""
    found = []
    for _ in range(2):
        try:
            record = message_record(read_mail(raw, NOW))
        except PayloadError as error:
            found.append(error.message)
        else:
            if not record.external_id:
                raise Finding("a mail without an id")
            found.append(to_json(dict(record.data)))
    if found[0] != found[1]:
        raise Finding("a mail is read in two ways", f"{found[0]:.200} and {found[1]:.200}")


PATHS = (["return", "Row"], ["return"], ["return", "Rows", "Row"], ["return", "Value"])


def _open_soap() -> Run:
    bodies = [path.read_bytes() for path in sorted(CONNECTORS.glob("*/fixtures/*.xml"))]
    seeds = [b"%d\n" % number + body for body in bodies + _more_soap() for number in (*range(4), 9)]
    return Run(seeds, _soap_change, check_soap)


def _more_soap() -> list[bytes]:
    """Platform types, texts with rows in them, faults: what the fixtures have not."""
    v8 = 'xmlns:v8="http://v8.1c.ru/8.1/data/core"'
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("data.json"), '[{"A": 1}]')
    table = "<v8:column><v8:Name>A</v8:Name></v8:column><v8:row><v8:Value>1</v8:Value></v8:row>"
    fields = '<v8:Property name="A"><v8:Value>1</v8:Value></v8:Property>'
    inside = (
        table,
        f"<v8:Value>{fields}</v8:Value><v8:Value/>",
        fields,
        "<v8:pair><v8:Key>A</v8:Key><v8:Value>1</v8:Value></v8:pair>",
        base64.b64encode(archive.getvalue()).decode(),
        "W3siQSI6IDF9XQ==",
        '<![CDATA[[{"A": 1}]]]>',
        "<Row><A>1</A><B>2</B></Row><Row><A>3</A></Row>",
        '[{"A": 1}, {"A": "2"}]',
        '{"Row": [{"A": 1.5}]}',
        "&lt;x&gt;&lt;Row&gt;&lt;A&gt;1&lt;/A&gt;&lt;/Row&gt;&lt;/x&gt;",
    )
    envelope = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{}</s:Body>'
        "</s:Envelope>"
    )
    answers = [f'<m:R xmlns:m="x"><m:return {v8}>{one}</m:return></m:R>' for one in inside]
    answers.append("<s:Fault><faultstring>Деление на 0</faultstring></s:Fault>")
    return [envelope.format(one).encode() for one in answers]


def _soap_change(blob: bytes, random: Random) -> bytes:
    first, _, body = blob.partition(b"\n")
    return first + b"\n" + mutate_xml(body, random)


def check_soap(blob: bytes) -> None:
    """An answer gives rows that JSON can hold, or one of the hub's own errors."""
    first, _, body = blob.partition(b"\n")
    number = int(first) if first.isdigit() and len(first) < 4 else 0
    size = (65536, 7)[number % 2 and len(body) < 20_000]
    found = []
    for _ in range(2):
        path = PATHS[number % 4]
        reader = (
            TextReader(path, binary=bool(number & 8))
            if number % 3 == 0
            else RowReader(path, path_known=bool(number & 4))
        )
        chunks = (body[at : at + size] for at in range(0, len(body), size))
        try:
            rows = list(reader.rows(chunks))
        except HubError as error:
            error.message.encode()
            found.append(f"{type(error).__name__} {error.message}")
        else:
            if not all(isinstance(row, dict) for row in rows):
                raise Finding("a row that is no table", repr(rows)[:300])
            found.append(to_json(rows))
    if found[0] != found[1]:
        raise Finding("an answer is read in two ways", f"{found[0]:.200} and {found[1]:.200}")


def _pages_of(name: str) -> list[tuple[str, bytes]]:
    """The stream and the body of each recorded page, `<stream>.<n>.json|xml`."""
    if connector(name).read is None:
        return []
    folder = CONNECTORS / name / "fixtures"
    found = [*folder.glob("*.[0-9].json"), *folder.glob("*.[0-9].xml")]
    return [(path.name.partition(".")[0], path.read_bytes()) for path in sorted(found)]


class Stream:
    """A connector that polls, in front of a vendor that answers whatever the input says."""

    def __init__(self, name: str) -> None:
        self.name = name
        document = document_of(name)
        wsdl = next(iter((CONNECTORS / name / "fixtures").glob("*.wsdl")), None)
        if wsdl is not None:
            document = {**document, "settings": {**document["settings"], "wsdl": str(wsdl)}}
        self.connection: Connection = make_connection(document, name, id=1)
        self.code: Connector = connector(name)

    def check(self, blob: bytes) -> None:
        """Read a stream to its end: pages, or one of the hub's own errors."""
        first, headers, body = split_http(blob)
        stream, _, status = first.partition(b" ")
        code = int(status) if status.isdigit() and len(status) == 3 else 200
        code = code if 200 <= code < 600 else 200
        fake = _vendor(code, headers, body)
        assert self.code.read
        with (
            mock.patch.object(requests.Session, "send", fake),
            mock.patch.object(time, "sleep"),
        ):
            try:
                pages = self.code.read(self.connection, stream.decode("latin-1"), {})
                for page in islice(pages, MAX_PAGES):
                    self._judge(page)
            except HubError as error:
                error.message.encode()

    def _judge(self, page: Page) -> None:
        for record in page.records:
            check_record(self.name, record)
        to_json(dict(page.cursor)).encode()
        for place, reason in page.rejected:
            (place + reason).encode()


def _vendor(status: int, headers: list[bytes], body: bytes) -> Callable[..., requests.Response]:
    """A `Session.send` that answers every request alike, the later ones with an empty list."""
    calls = iter(range(MAX_CALLS))

    def send(
        self: requests.Session, request: requests.PreparedRequest, **_: Any
    ) -> requests.Response:
        if next(calls, None) is None:
            raise requests.ConnectionError("the vendor has had enough")
        pairs = dict(_pairs(headers))
        raw = HTTPResponse(
            body=io.BytesIO(body), headers=pairs, status=status, preload_content=False
        )
        response = requests.Response()
        response.status_code, response.raw, response.url = status, raw, request.url or ""
        response.headers.update(pairs)
        response.request = request
        return response

    return send


def _pairs(headers: list[bytes]) -> Iterator[tuple[str, str]]:
    for line in headers:
        name, _, value = line.partition(b":")
        yield name.strip().decode("latin-1"), value.strip().decode("latin-1")


def _open_poll(name: str) -> Run:
    seeds = []
    for stream, body in _pages_of(name):
        kind = b"text/xml; charset=utf-8" if body.startswith(b"<") else b"application/json"
        headers = [b"Content-Type: " + kind, b"Date: Mon, 12 Jan 2026 15:00:00 GMT"]
        more = [b"X-WP-Total: 1", b"X-WP-TotalPages: 1", b"Retry-After: 5"]
        for status in (b"200", b"200", b"200", b"503", b"429", b"401", b"500"):
            seeds.append(join_http(stream.encode() + b" " + status, headers + more, body))
    return Run(seeds, mutate_http, Stream(name).check, limit=8)
