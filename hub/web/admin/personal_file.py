"""One person's data as a file: JSON for a program, a page to read, tables, the raw requests."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from typing import IO, Any, Final

import orjson
from flask import Response as FlaskResponse
from flask import render_template
from werkzeug.wrappers import Response

from hub.crm.personal.collect import MAX_EVENTS, everything, raw_events
from hub.crm.personal.request import Holdings
from hub.crm.sheets import Column, Look, csv_chunks
from hub.store.store import Store
from hub.web.context import actor, company_zone, local_now
from hub.web.formats import plain

PIECE: Final = 64 * 1024
#: What a person need not read: how the hub keeps it.
INNER: Final = frozenset({"origins", "parts", "search_text", "extra"})
JSON_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def response(store: Store, holdings: Holdings, why: str) -> Response:
    """The ZIP file as a download."""
    file = tempfile.TemporaryFile(prefix="uzel-person-")  # noqa: SIM115  # closed when it is sent
    with store.database.read() as db:
        data = everything(db, holdings)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        _write(bundle, store, holdings, data, why)
    file.seek(0)
    name = f"person-{(holdings.work.person.contact_ids or [0])[0]}-{local_now():%Y-%m-%d}.zip"
    answer = FlaskResponse(_pieces(file), mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.call_on_close(file.close)
    return answer


def proof_response(row: dict[str, Any]) -> Response:
    """A proof with its hash, as a JSON document."""
    document = {"proof": row["proof"], "sha256": row["proof_hash"]}
    answer = FlaskResponse(orjson.dumps(document, option=JSON_OPTIONS), mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="erasure-{row["id"]}.json"'
    return answer


def _write(
    bundle: zipfile.ZipFile,
    store: Store,
    holdings: Holdings,
    data: dict[str, list[dict[str, Any]]],
    why: str,
) -> None:
    bundle.writestr("person.json", orjson.dumps(data, default=str, option=JSON_OPTIONS))
    summary = render_template(
        "admin/person_file.html",
        data=data,
        inner=INNER,
        who=holdings.work.person,
        why=why,
        actor_name=actor(),
        now=local_now(),
        event_count=holdings.event_count,
        most=MAX_EVENTS,
    )
    bundle.writestr("summary.html", summary)
    look = Look(company_zone())
    for name, rows in data.items():
        names = list(rows[0])
        columns = [Column(one, partial(_cell, one)) for one in names]
        bundle.writestr(f"tables/{name}.csv", b"".join(csv_chunks(columns, rows, look)))
    for event in raw_events(store, holdings.work.events):
        bundle.writestr(f"events/{event['id']}.http", _http(event))


def _cell(name: str, row: Mapping[str, Any]) -> str:
    return plain(row[name])


def _http(event: dict[str, Any]) -> bytes:
    """A raw event as it came: request line, headers, an empty line, the body."""
    asked = event["request"] or {}
    out = io.BytesIO()
    query = f"?{asked['query']}" if asked.get("query") else ""
    out.write(f"{asked.get('method', '')} /{asked.get('path', '')}{query}\r\n".encode())
    for name, value in asked.get("headers") or ():
        out.write(f"{name}: {value}\r\n".encode("utf-8", "surrogatepass"))
    out.write(b"\r\n")
    out.write(asked.get("body") or b"")
    return out.getvalue()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
