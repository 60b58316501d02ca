"""Structured logs: one JSON line per event and attempt, fields named from the glossary."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Any

import orjson

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
#: What must never be read in a log, whoever writes it.
_SECRET = re.compile(
    r"(?i)((?:authorization|api[_-]?key|token|password|secret|consumer_secret)"
    r"[\"']?\s*[=:]\s*[\"']?(?:bearer |basic )?)([^\s\"'&,;}]{4,})"
)
#: A line without any of these cannot match, and looking for them costs a tenth of matching.
_SECRET_WORDS = ("authorization", "apikey", "api_key", "api-key", "token", "password", "secret")
STANDARD_ERROR = 2


def redact(text: str) -> str:
    """Blank out what looks like a secret."""
    folded = text.casefold()
    if not any(word in folded for word in _SECRET_WORDS):
        return text
    return _SECRET.sub(r"\1•••", text)


class JsonFormatter(logging.Formatter):
    """One line of JSON per record."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in record.__dict__.items():
            if name not in _STANDARD and value is not None and value != "":
                line[name] = value
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redact(orjson.dumps(line, default=str).decode())


class LineHandler(logging.Handler):
    """Writes lines to a file descriptor, from many threads without a queue at the lock.

    Whoever is writing takes along what the others leave meanwhile; nobody waits for another's
    write, and a busy process makes one system call for several lines.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._writing = threading.Lock()
        os.register_at_fork(after_in_child=self._start_anew)

    def createLock(self) -> None:  # noqa: N802  # the base class's name
        """No lock around `emit`: the deque is one."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line, or leave it to the thread that is writing."""
        try:
            self._lines.append(self.format(record).encode("utf-8", "replace") + b"\n")
        except Exception:
            self.handleError(record)
            return
        # Looked at again after the lock is free: a line left in between must not stay.
        while self._lines and self._writing.acquire(blocking=False):
            try:
                self._write()
            finally:
                self._writing.release()

    def _write(self) -> None:
        lines = bytearray()
        while self._lines:
            lines += self._lines.popleft()
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            return  # a full disk or a closed pipe must not stop the work that is logged

    def _start_anew(self) -> None:
        self._lines.clear()
        self._writing = threading.Lock()


def configure(level: str = "INFO") -> None:
    """Write the process's log to standard error."""
    sys.stderr.flush()
    handler = LineHandler(STANDARD_ERROR)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The lines name none of these, and finding them out costs more than the rest of a record.
    logging.logThreads = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  # the logging HOWTO's own advice
    for noisy in ("urllib3", "rq.worker", "rq.cron", "alembic", "zeep", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
