"""What a connection file says of a 1C web service: the service, its streams, their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from connectors._protocols.onec_moments import earlier, parse_moment
from connectors._protocols.soap import Argument, SoapService
from connectors._protocols.soap_wire import SoapOptions
from hub.sdk.connection import Connection
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import ConfigError

PLACEHOLDER = "{cursor}"
#: 1C's own empty date: what a date argument that cannot be nil gets when there is no cursor yet.
EMPTY_DATE = "0001-01-01T00:00:00"
#: Streams that most bases have, and the entity each brings.
TYPICAL_ENTITIES = {"stock": "stock", "products": "product", "counterparties": "company"}
MODES = ("full", "delta")
#: A row gets its time when 1C begins to write it and is seen when the transaction ends.
OVERLAP_SECONDS = 60.0
KEYS = {"operation", "arguments", "rows", "mode", "cursor", "entity", "overlap_seconds"}


@dataclass(frozen=True)
class StreamPlan:
    """One stream of a connection: which operation to call and where its rows are."""

    name: str
    entity: str
    operation: str
    rows: str = "return"
    mode: str = "full"
    cursor: str = ""
    overlap_seconds: float = OVERLAP_SECONDS
    arguments: Mapping[str, Any] = field(default_factory=dict)


def stream_names(connection: Connection) -> list[str]:
    """Names of the configured streams; ConfigError when there are none."""
    streams = connection.setting("streams")
    if not isinstance(streams, Mapping):
        raise ConfigError("ожидается таблица потоков", place="settings.streams")
    return [str(name) for name in streams]


def stream_plan(connection: Connection, name: str) -> StreamPlan:
    """The checked settings of one stream; ConfigError names the wrong key."""
    names = stream_names(connection)
    place = f"settings.streams.{name}"
    if name not in names:
        raise ConfigError(f"такого потока нет, есть: {', '.join(names)}", place=place)
    given = connection.settings["streams"][name]
    if not isinstance(given, Mapping):
        raise ConfigError("ожидаются ключи operation, arguments, rows, mode, cursor", place=place)
    unknown = set(given) - KEYS
    if unknown:
        raise ConfigError(f"неизвестные ключи: {', '.join(sorted(unknown))}", place=place)
    entity = str(given.get("entity") or TYPICAL_ENTITIES.get(name, name))
    mode = str(given.get("mode") or "full")
    arguments = given.get("arguments") or {}
    if entity not in ENTITIES:
        raise ConfigError(
            f"сущности «{entity}» нет, есть: {', '.join(ENTITIES)}", place=f"{place}.entity"
        )
    if not given.get("operation"):
        raise ConfigError("нужна операция веб-сервиса", place=f"{place}.operation")
    if mode not in MODES:
        raise ConfigError(f"«{mode}»: бывает full или delta", place=f"{place}.mode")
    if mode == "delta" and not given.get("cursor"):
        raise ConfigError("для delta нужно поле строки с изменением", place=f"{place}.cursor")
    overlap = given.get("overlap_seconds", OVERLAP_SECONDS)
    if isinstance(overlap, bool) or not isinstance(overlap, int | float) or overlap < 0:
        raise ConfigError("нужно число секунд, не меньше нуля", place=f"{place}.overlap_seconds")
    if not isinstance(arguments, Mapping):
        raise ConfigError("ожидаются пары имя: значение", place=f"{place}.arguments")
    return StreamPlan(
        name=name,
        entity=entity,
        operation=str(given["operation"]),
        rows=str(given.get("rows") or "return"),
        mode=mode,
        cursor=str(given.get("cursor") or ""),
        overlap_seconds=float(overlap),
        arguments=dict(arguments),
    )


def soap_service(connection: Connection) -> SoapService:
    """The connection's web service; nothing is fetched yet."""
    settings = connection.settings
    return SoapService(
        SoapOptions(
            wsdl=str(connection.setting("wsdl")),
            address=str(connection.setting("address")),
            username=str(settings.get("username") or ""),
            password=str(connection.secrets.get("password", "")),
            service=str(settings.get("service") or ""),
            port=str(settings.get("port") or ""),
            soap_version=str(settings.get("soap_version") or ""),
            timeout_seconds=float(settings.get("timeout_seconds") or 600),
            cache_dir=connection.cache_dir,
            ib_session=settings.get("session") == "ibsession",
            allowed_networks=connection.allowed_networks,
            traffic=connection.traffic,
        )
    )


def argument_trouble(plan: StreamPlan, known: list[Argument]) -> str:
    """What is wrong with a stream's arguments, in words; empty when nothing is."""
    names = [argument.name for argument in known]
    extra = [name for name in plan.arguments if name not in names]
    missing = [item.name for item in known if item.required and item.name not in plan.arguments]
    said = []
    if extra:
        said.append(f"лишние: {', '.join(extra)}")
    if missing:
        said.append(f"не заданы: {', '.join(missing)}")
    if said:
        said.append(f"операция принимает: {', '.join(names) or 'ничего'}")
    return "; ".join(said)


def fill(plan: StreamPlan, known: list[Argument], value: str, timezone: ZoneInfo) -> dict[str, Any]:
    """A stream's arguments for one call, the cursor put in; `value` is empty on the first call.

    A time goes out earlier by the stream's overlap: what was written before it and committed
    after the last poll must not be missed. What comes twice changes nothing.
    ConfigError when the operation does not take them.
    """
    trouble = argument_trouble(plan, known)
    if trouble:
        raise ConfigError(
            f"аргументы операции {plan.operation}: {trouble}",
            place=f"settings.streams.{plan.name}.arguments",
        )
    value = earlier(value, plan.overlap_seconds, timezone)
    by_name = {argument.name: argument for argument in known}
    return {
        name: _filled(given, by_name[name], value, timezone)
        for name, given in plan.arguments.items()
    }


def _filled(given: Any, argument: Argument, value: str, timezone: ZoneInfo) -> Any:
    if isinstance(given, Mapping):
        return {name: _filled(item, argument, value, timezone) for name, item in given.items()}
    if isinstance(given, list):
        return [_filled(item, argument, value, timezone) for item in given]
    if isinstance(given, bool):
        return given if argument.kind == "boolean" else ("true" if given else "false")
    text = "" if given is None else str(given)
    if PLACEHOLDER in text:
        text = text.replace(PLACEHOLDER, value) if value or text != PLACEHOLDER else ""
        given = text or None
    if argument.kind in {"time", "date"}:
        return _dated(text, argument, timezone)
    if given is None or (text == "" and argument.kind == "number"):
        empty = "0" if argument.kind == "number" else ""
        return None if argument.nillable or not argument.required else empty
    return text if argument.kind == "text" else given


def _dated(text: str, argument: Argument, timezone: ZoneInfo) -> str | None:
    if not text:
        if argument.nillable or not argument.required:
            return None
        return EMPTY_DATE if argument.kind == "time" else EMPTY_DATE[:10]
    moment = parse_moment(text, timezone)
    if moment is None:
        return text
    naive = moment.astimezone(timezone).replace(tzinfo=None, microsecond=0).isoformat()
    return naive if argument.kind == "time" else naive[:10]
