"""Reading 1C through its SOAP web service: pages of rows, full snapshots and changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from connectors._protocols.onec_moments import Marker
from connectors._protocols.soap import SoapService
from connectors.onec_soap.client import (
    StreamPlan,
    argument_trouble,
    fill,
    soap_service,
    stream_names,
    stream_plan,
)
from hub.sdk.connection import Connection
from hub.sdk.errors import HubError
from hub.sdk.records import CheckStep, Page, SourceRecord

PAGE_ROWS = 1000


def read(connection: Connection, stream: str, cursor: Mapping[str, Any]) -> Iterator[Page]:
    """Yield a stream's rows in pages of 1000 once 1C's whole answer is here.

    Only the last page moves the cursor (rows come in any order) or is `complete`: it is yielded
    after the answer's closing tag. Any trouble before that is raised by who must act. Ahead of a
    full snapshot comes a page that holds nothing but the answer's digest.
    """
    plan = stream_plan(connection, stream)
    service = soap_service(connection)
    stored = str(cursor.get("value") or "") if plan.mode == "delta" else ""
    arguments = fill(plan, service.arguments(plan.operation), stored, connection.timezone)
    with closing(service.answer(plan.operation, arguments, plan.rows)) as answer:
        if plan.mode == "full":
            yield Page(digest=answer.digest, cursor=cursor)
            yield from _snapshot(plan, answer.rows())
        else:
            yield from _changes(plan, answer.rows(), Marker(stored, connection.timezone, now()))


def now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


def _snapshot(plan: StreamPlan, found: Iterator[Mapping[str, Any]]) -> Iterator[Page]:
    """Rows of a snapshot have no versions: each is as new as its arrival."""
    rows = list(islice(found, PAGE_ROWS))
    while following := list(islice(found, PAGE_ROWS)):
        yield Page(entity=plan.entity, rows=rows)
        rows = following
    yield Page(entity=plan.entity, rows=rows, complete=True)


def _changes(
    plan: StreamPlan, found: Iterator[Mapping[str, Any]], marker: Marker
) -> Iterator[Page]:
    before = {"value": marker.value} if marker.value else {}
    records: list[SourceRecord] = []
    count = 0
    for row in found:
        if len(records) == PAGE_ROWS:
            yield Page(records, cursor=before)
            records = []
        version = marker.see(row.get(plan.cursor))
        records.append(SourceRecord(plan.entity, "", row, version=version))
        count += 1
    lost = (
        [(f"streams.{plan.name}.cursor", f"ни в одной строке нет поля «{plan.cursor}»")]
        if count and not marker.seen
        else []
    )
    after = {"value": marker.value} if marker.value else {}
    yield Page(records, cursor=after, rejected=lost)


def check(connection: Connection) -> Iterable[CheckStep]:
    """Test the WSDL, the port, the login and every stream's operation; no data is asked for."""
    service = soap_service(connection)
    try:
        names = stream_names(connection)
        port = service.port
    except HubError as error:
        yield CheckStep("Описание сервиса (WSDL)", False, error.message)
        return
    source = "сохранённая копия, 1С сейчас не отвечает" if service.source.from_copy else "прочитано"
    yield CheckStep("Описание сервиса (WSDL)", not service.source.from_copy, source)
    yield CheckStep("Порт", True, f"{port.name}, операций: {len(service.operations)}")
    try:
        service.check_entry()
        yield CheckStep("Вход в 1С", True, f"адрес {connection.setting('address')} отвечает")
    except HubError as error:
        yield CheckStep("Вход в 1С", False, error.message)
    for name in names:
        yield _check_stream(connection, service, name)


def _check_stream(connection: Connection, service: SoapService, name: str) -> CheckStep:
    title = f"Поток {name}"
    try:
        plan = stream_plan(connection, name)
        trouble = argument_trouble(plan, service.arguments(plan.operation))
        known, wrong, there = service.path_names(plan.operation, plan.rows.split("."))
    except HubError as error:
        return CheckStep(title, False, error.message)
    if trouble:
        return CheckStep(title, False, f"аргументы операции {plan.operation}: {trouble}")
    if wrong:
        return CheckStep(
            title, False, f"rows: «{wrong}» нет в ответе {plan.operation}, есть: {', '.join(there)}"
        )
    path = "путь к строкам найден" if known else "путь к строкам по WSDL не проверить"
    return CheckStep(title, True, f"операция {plan.operation} есть, {path}")
