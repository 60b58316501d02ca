"""Reading 1C through its SOAP web service: pages of rows, full snapshots and changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from connectors._protocols.onec_moments import Marker, earlier, parse_moment
from connectors._protocols.onec_rows import shaped
from connectors._protocols.onec_versions import check_call
from connectors._protocols.soap import SoapService
from connectors._protocols.soap_arguments import argument_trouble
from connectors.onec_soap.client import (
    StreamPlan,
    fill,
    soap_service,
    stream_names,
    stream_plan,
)
from connectors.onec_soap.sink import check_orders
from hub.sdk.connection import Connection
from hub.sdk.errors import HubError, PayloadError
from hub.sdk.records import CheckStep, Page, SourceRecord

PAGE_ROWS = 1000


def read(connection: Connection, stream: str, cursor: Mapping[str, Any]) -> Iterator[Page]:
    """Yield a stream's rows in pages of 1000, those of an answer once the whole of it is here.

    Only the last page moves the cursor (rows come in any order) or is `complete`: it is yielded
    after the last answer's closing tag. Any trouble before that is raised by who must act. Ahead
    of a full snapshot in one answer comes a page that holds nothing but the answer's digest.
    """
    plan = stream_plan(connection, stream)
    stored = str(cursor.get("value") or "") if plan.mode == "delta" else ""
    with closing(soap_service(connection)) as service:
        if plan.page_size:
            yield from _pages(connection, plan, _asked(connection, service, plan, stored), stored)
            return
        arguments = fill(connection, plan, service.arguments(plan.operation), stored)
        with closing(service.answer(plan.operation, arguments, plan.rows)) as answer:
            service.close()  # the answer lies here: 1C's session, if there is one, is not held
            if plan.mode == "full":
                yield Page(digest=answer.digest, cursor=cursor)
            yield from _pages(connection, plan, answer.rows(), stored)


def _asked(
    connection: Connection, service: SoapService, plan: StreamPlan, stored: str
) -> Iterator[Mapping[str, Any]]:
    """The rows of a stream asked for page by page, each after the last row of the one before."""
    known, after = service.arguments(plan.operation), ""
    while True:
        arguments = fill(connection, plan, known, stored, after)
        count, last = 0, after
        with closing(service.answer(plan.operation, arguments, plan.rows)) as answer:
            for row in answer.rows():
                count, last = count + 1, str(row.get(plan.page_after) or "")
                yield row
        if count < plan.page_size:
            return
        if last in {"", after}:
            raise PayloadError(f"{plan.place}.page: в строке нет «{plan.page_after}», дальше нечем")
        after = last


def _pages(
    connection: Connection, plan: StreamPlan, found: Iterator[Mapping[str, Any]], stored: str
) -> Iterator[Page]:
    if plan.explode or plan.identity:
        found = shaped(found, plan.explode, plan.identity)
    if plan.mode == "full":
        return _snapshot(plan, found)
    return _changes(plan, found, Marker(stored, connection.timezone, now()))


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
        if plan.entity == "order":
            # 1C's word on an order also comes as the answer to its delivery, dated by our clock:
            # a number of 1C's own cannot be compared with that.
            version = ""
        records.append(SourceRecord(plan.entity, "", row, version=version))
        count += 1
    lost = (
        [(f"streams.{plan.name}.cursor", f"ни в одной строке нет поля «{plan.cursor}»")]
        if count and not marker.seen
        else []
    )
    after = {"value": marker.value} if marker.value else {}
    yield Page(records, cursor=after, rejected=lost)


def cursor_since(
    connection: Connection, stream: str, cursor: Mapping[str, Any], since: datetime
) -> Mapping[str, Any] | None:
    """A cursor that is a time, written as it was; numbers of changes name no moment."""
    stored = str(cursor.get("value") or "")
    if (known := parse_moment(stored, connection.timezone)) is None:
        return None
    return {"value": earlier(stored, (known - since).total_seconds(), connection.timezone)}


def check(connection: Connection) -> Iterable[CheckStep]:
    """Test the WSDL, the port, the login and every stream's operation; no data is asked for."""
    with closing(soap_service(connection)) as service:
        yield from _check_service(connection, service)


def _check_service(connection: Connection, service: SoapService) -> Iterator[CheckStep]:
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
    if called := check_call(service.options):
        yield called
    for name in names:
        yield _check_stream(connection, service, name)
    if connection.settings.get("send_orders"):
        yield check_orders(connection, service)


def _check_stream(connection: Connection, service: SoapService, name: str) -> CheckStep:
    title = f"Поток {name}"
    try:
        plan = stream_plan(connection, name)
        trouble = argument_trouble(plan.arguments, service.arguments(plan.operation))
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
