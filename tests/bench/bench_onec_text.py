"""300 000 rows of stock in one string of a SOAP answer: JSON and XML, escaped and in CDATA.

Over HTTP from another process, each read in a process of its own so that its peak memory is its
own. Floors of the same run: the same answer read whole with requests, lxml and json (or lxml
again), which is what one would write first; and the same rows as elements of the answer.
`python -m tests.bench.bench_onec_text CHILD…` is one of those processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import requests
from lxml import etree

from connectors._protocols.soap import SoapService
from connectors._protocols.soap_wire import SoapOptions
from hub.sdk.testing import VendorServer, body_of
from tests.bench.report import Report
from tests.bench.stock_child import memory_mb

ROWS = 300_000
WSDL = Path(__file__).parents[1] / "connectors" / "onec_wsdl" / "cyrillic_soap12.wsdl"
NS = "http://example.ru/обмен"
OPERATION, ARGUMENTS = "ПолучитьОстатки", {"КодСклада": ""}
SHAPES = {"json": "return.items", "xml": "return.Rows.Row"}
#: What a bare process with these libraries takes, and a row at a time beside it.
MAX_GROWN_MB = 40.0


def row(number: int) -> dict[str, str]:
    """A row of stock."""
    return {
        "Item": f"6c4e0c00-{number:012d}",
        "Article": f"А-{number}",
        "Name": f"Товар номер {number}",
        "Warehouse": "Склад",
        "Qty": f"{number}.5",
        "Reserve": "1",
        "Price": "10.00",
        "ChangedAt": "2026-01-12T18:21:10",
    }


def pieces(shape: str) -> Iterator[str]:
    """The text, made as it is sent."""
    yield '{"items": [' if shape == "json" else '<?xml version="1.0"?><Rows>'
    for first in range(0, ROWS, 500):
        found = [row(number) for number in range(first, first + 500)]
        if shape == "json":
            text = ",".join(json.dumps(one, ensure_ascii=False) for one in found)
            yield ("," if first else "") + text
        else:
            yield "".join(
                f"<Row>{''.join(f'<{name}>{value}</{name}>' for name, value in one.items())}</Row>"
                for one in found
            )
    yield "]}" if shape == "json" else "</Rows>"


def answer(shape: str, wrap: str) -> Iterator[bytes]:
    """The whole envelope."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
        f'<m:{OPERATION}Response xmlns:m="{NS}"><m:return>'
    ).encode()
    if wrap == "cdata":
        yield b"<![CDATA["
    for text in pieces(shape):
        yield (text if wrap == "cdata" else escape(text)).encode()
    if wrap == "cdata":
        yield b"]]>"
    yield f"</m:return></m:{OPERATION}Response></s:Body></s:Envelope>".encode()


def serve(shape: str, wrap: str) -> None:
    """Be the vendor until standard input ends."""
    body = b"".join(answer(shape, wrap))

    def app(environ: Any, start: Any) -> list[bytes]:
        body_of(environ)
        kind = ("Content-Type", "application/soap+xml; charset=utf-8")
        start("200 OK", [kind, ("Content-Length", str(len(body)))])
        return [body]

    server = VendorServer(app)
    server.start()
    print(json.dumps({"url": server.url, "mb": len(body) / 1e6}), flush=True)
    sys.stdin.read()
    server.stop()


def by_hub(url: str, shape: str) -> int:
    """Read as a stream does."""
    service = SoapService(SoapOptions(wsdl=str(WSDL), address=url))
    return sum(1 for _ in service.rows(OPERATION, ARGUMENTS, SHAPES[shape]))


def by_hand(url: str, shape: str) -> int:
    """Read it whole, as one would write it first."""
    with requests.Session() as session:
        session.trust_env = False
        body = session.post(url, data=b"<x/>").content
    # libxml2 takes no namespace that is not ASCII.
    body = body.replace(NS.encode(), b"urn:x")
    root: Any = etree.fromstring(body, etree.XMLParser(huge_tree=True))
    text = next(root.iter("{*}return")).text
    if shape == "json":
        return len(json.loads(text)["items"])
    inner = etree.fromstring(text.encode(), etree.XMLParser(huge_tree=True))
    return len([{child.tag: child.text for child in one} for one in inner])


WAYS: dict[str, Callable[[str, str], int]] = {"hub": by_hub, "hand": by_hand}


def read(way: str, url: str, shape: str) -> None:
    """Measure one way in this process."""
    before, started = memory_mb("VmRSS"), time.perf_counter()
    count = WAYS[way](url, shape)
    seconds = time.perf_counter() - started
    assert count == ROWS, count
    print(json.dumps({"seconds": seconds, "grown_mb": memory_mb("VmHWM") - before}), flush=True)


def measured(way: str, url: str, shape: str) -> dict[str, float]:
    """One way in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, way, url, shape]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Every shape, the hub's way beside the plain one."""
    report = Report("onec_text")
    for shape in SHAPES:
        for wrap in ("escaped", "cdata"):
            command = [sys.executable, "-m", __spec__.name, "serve", shape, wrap]
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as vendor:
                assert vendor.stdout is not None
                told = json.loads(vendor.stdout.readline())
                hub, hand = (measured(way, told["url"], shape) for way in WAYS)
                vendor.communicate()
            what = f"{ROWS} rows, {shape} in a string ({wrap}, {told['mb']:.0f} MB)"
            report.add(f"{what}: memory", hub["grown_mb"], hand["grown_mb"], unit="MB")
            report.add(f"{what}: memory grows by", hub["grown_mb"], unit="MB", at_most=MAX_GROWN_MB)
            report.add(f"{what}: time", hub["seconds"], hand["seconds"], unit="s")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", shape, wrap]:
            serve(shape, wrap)
        case [way, url, shape]:
            read(way, url, shape)
        case _:
            main()
