"""Mango's statistics of calls: asked for, waited for, read as rows.

Follows «Получение статистики» of the VPBX API: `stats/request` gives a key, `stats/result` the
table once it is ready: CSV with semicolons, no header, no quotes, one row per leg, in the columns
that were asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import tenacity

from connectors.mango import message
from connectors.mango.client import API_URL, signed
from hub.sdk.connection import Connection
from hub.sdk.errors import PayloadError, RetryLater
from hub.sdk.http import client_for

FIELDS: Final = (
    "records", "start", "finish", "answer", "from_extension", "from_number", "to_extension",
    "to_number", "disconnect_reason", "line_number", "location", "create", "entry_id",
)  # fmt: skip
OK, NOT_READY, STALE_KEY = 200, 204, 404
#: Mango asks not to look more often.
LOOK_AGAIN_SECONDS = 5.0
PATIENCE_SECONDS = 300.0


def legs(connection: Connection, since: datetime, until: datetime) -> Iterator[Mapping[str, str]]:
    """Every leg of a period shorter than thirty days, as {column: text}, in Mango's order.

    Raises RetryLater when the table is not ready in five minutes, PayloadError when it is none,
    and what `hub/sdk/http.py` says.
    """
    key = _request(connection, since, until)
    for number, line in enumerate(_table(connection, key).splitlines(), 1):
        if not line.strip():
            continue
        cells = line.split(";")
        if len(cells) != len(FIELDS):
            raise PayloadError(
                f"row {number} of Mango's statistics has {len(cells)} columns, not {len(FIELDS)}"
            )
        yield dict(zip(FIELDS, cells, strict=True))


def _request(connection: Connection, since: datetime, until: datetime) -> str:
    offset = int(connection.settings.get("time_offset_seconds") or 0)
    said = {
        "date_from": int(since.timestamp()) + offset,
        "date_to": int(until.timestamp()) + offset,
        "fields": ",".join(FIELDS),
    }
    answer = _ask(connection, "stats/request", said).content
    try:
        key = message.text(json.loads(answer).get("key"))
    except (ValueError, AttributeError) as error:
        raise PayloadError("Mango's answer to a request of statistics is not understood") from error
    if not key:
        raise PayloadError("Mango gave no key for its statistics")
    return key


def _table(connection: Connection, key: str) -> str:
    """The table's text; looks until it is ready."""
    look = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda answer: answer.status_code == NOT_READY),
        wait=tenacity.wait_fixed(LOOK_AGAIN_SECONDS),
        stop=tenacity.stop_after_delay(PATIENCE_SECONDS),
        retry_error_callback=lambda _state: None,
    )
    answer = look(_ask, connection, "stats/result", {"key": key}, accept=(STALE_KEY,))
    if answer is None:
        raise RetryLater("Mango's statistics are not ready yet", after=PATIENCE_SECONDS)
    if answer.status_code == STALE_KEY:
        raise RetryLater("Mango has forgotten the statistics it had made", after=60.0)
    return str(answer.content.decode("utf-8", "replace"))


def _ask(connection: Connection, path: str, said: dict[str, Any], **options: Any) -> Any:
    url = str(connection.settings.get("api_url") or API_URL)
    return client_for(connection, url).request(
        "POST", path, data=signed(connection, said), group="stats", **options
    )
