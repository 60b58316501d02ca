"""The log: one line of JSON a record, nothing secret in it, and no thread waits for another's."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.log import JsonFormatter, LineHandler, redact

THREADS, LINES = 16, 200


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def logger(path: Path) -> Iterator[logging.Logger]:
    """A logger that writes to a file as the hub's processes write to standard error."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    handler = LineHandler(descriptor)
    handler.setFormatter(JsonFormatter())
    made = logging.Logger("hub.test")
    made.addHandler(handler)
    yield made
    os.close(descriptor)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_record_is_one_line_with_its_fields(logger: logging.Logger, path: Path) -> None:
    logger.info("request %s", "accepted", extra={"connection": "сайт", "size_bytes": 0, "path": ""})
    (line,) = lines(path)
    assert line.pop("at")
    assert line == {
        "level": "info",
        "logger": "hub.test",
        "message": "request accepted",
        "connection": "сайт",
        "size_bytes": 0,
    }


def test_a_traceback_stays_in_its_line(logger: logging.Logger, path: Path) -> None:
    try:
        raise ZeroDivisionError("no")
    except ZeroDivisionError:
        logger.exception("failed")
    (line,) = lines(path)
    assert "ZeroDivisionError: no" in str(line["trace"])


def test_every_line_of_every_thread_is_whole_and_once(logger: logging.Logger, path: Path) -> None:
    gate = threading.Barrier(THREADS)

    def write(thread: int) -> None:
        gate.wait()
        for number in range(LINES):
            logger.info("line", extra={"thread_number": thread, "number": number})

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(THREADS)))
    written = [(line["thread_number"], line["number"]) for line in lines(path)]
    assert sorted(written) == [(t, n) for t in range(THREADS) for n in range(LINES)]
    # One thread's lines keep their order.
    assert [number for thread, number in written if thread == 0] == list(range(LINES))


def test_a_full_disk_stops_nobody() -> None:
    handler = LineHandler(os.open("/dev/full", os.O_WRONLY))
    handler.emit(logging.makeLogRecord({"msg": "lost", "levelname": "INFO"}))
    os.close(handler._descriptor)


@pytest.mark.parametrize(
    "text",
    [
        '{"path": "hook?token=VALUE"}',
        '{"password": "VALUE"}',
        "Authorization: Bearer VALUE",
        "api-key=VALUE",
        "API_KEY = 'VALUE'",
        '{"consumer_secret":"VALUE"}',
    ],
)
def test_a_secret_is_never_read_in_a_log(text: str) -> None:
    shown = redact(text.replace("VALUE", "s3cr3t-value"))
    assert "s3cr3t" not in shown
    assert "•••" in shown


def test_what_holds_no_secret_stays_as_it_is() -> None:
    text = '{"message": "request accepted", "path": "events/call", "size_bytes": 1500}'
    assert redact(text) == text
