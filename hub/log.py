"""Structured logs: one JSON line per event and attempt, fields named from the glossary."""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
#: What must never be read in a log, whoever writes it.
_SECRET = re.compile(
    r"(?i)((?:authorization|api[_-]?key|token|password|secret|consumer_secret)"
    r"[\"']?\s*[=:]\s*[\"']?(?:bearer |basic )?)([^\s\"'&,;}]{4,})"
)


def redact(text: str) -> str:
    """Blank out what looks like a secret."""
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
        line.update(
            (name, value)
            for name, value in record.__dict__.items()
            if name not in _STANDARD and value not in (None, "")
        )
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redact(orjson.dumps(line, default=str).decode())


def configure(level: str = "INFO") -> None:
    """Write the process's log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("urllib3", "rq.worker", "rq.cron", "alembic", "zeep", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
