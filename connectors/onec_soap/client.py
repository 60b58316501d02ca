"""What a connection file says of a 1C web service: the service, its streams, their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors._protocols.onec_moments import earlier
from connectors._protocols.soap import Argument, SoapService
from connectors._protocols.soap_arguments import filled
from connectors._protocols.soap_wire import SoapOptions
from hub.sdk.connection import Connection
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import ConfigError

#: Placeholders of a stream's arguments: the stored position; the last row's key and the most rows
#: of a stream that is asked for page by page.
CURSOR, AFTER, SIZE = "{cursor}", "{after}", "{size}"
#: Streams that most bases have, and the entity each brings.
TYPICAL_ENTITIES = {
    "stock": "stock",
    "products": "product",
    "counterparties": "company",
    "orders": "order",
}
MODES = ("full", "delta")
#: A row gets its time when 1C begins to write it and is seen when the transaction ends.
OVERLAP_SECONDS = 60.0
KEYS = {
    "operation",
    "arguments",
    "rows",
    "mode",
    "cursor",
    "entity",
    "overlap_seconds",
    "page",
    "explode",
    "identity",
    "part_of",
}


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
    #: Rows that one call gives at most, 0: all; the row field after which the next call goes on.
    page_size: int = 0
    page_after: str = ""
    #: Paths to parts of a row that are rows themselves; the field `GUID#GUID` to take apart.
    explode: tuple[str, ...] = ()
    identity: str = ""

    @property
    def place(self) -> str:
        """Where the stream stands in the connection file."""
        return f"settings.streams.{self.name}"


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
    page, explode = given.get("page") or {}, given.get("explode") or ()
    if not isinstance(page, Mapping) or (page and set(page) != {"size", "after"}):
        raise ConfigError("ожидается {size: строк за вызов, after: поле}", place=f"{place}.page")
    plan = StreamPlan(
        name=name,
        entity=str(given.get("entity") or TYPICAL_ENTITIES.get(name, name)),
        operation=str(given.get("operation") or ""),
        rows=str(given.get("rows") or "return"),
        mode=str(given.get("mode") or "full"),
        cursor=str(given.get("cursor") or ""),
        overlap_seconds=given.get("overlap_seconds", OVERLAP_SECONDS),
        arguments=given.get("arguments") or {},
        page_size=page.get("size", 0),
        page_after=str(page.get("after") or ""),
        explode=tuple([explode] if isinstance(explode, str) else explode),
        identity=str(given.get("identity") or ""),
    )
    _check(plan)
    return plan


def _check(plan: StreamPlan) -> None:
    def number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0

    for key, right, words in (
        ("entity", plan.entity in ENTITIES, f"«{plan.entity}» нет, есть: {', '.join(ENTITIES)}"),
        ("operation", plan.operation, "нужна операция веб-сервиса"),
        ("mode", plan.mode in MODES, f"«{plan.mode}»: бывает full или delta"),
        ("cursor", plan.mode != "delta" or plan.cursor, "для delta нужно поле строки с изменением"),
        ("overlap_seconds", number(plan.overlap_seconds), "нужно число секунд, не меньше нуля"),
        ("arguments", isinstance(plan.arguments, Mapping), "ожидаются пары имя: значение"),
        ("page", number(plan.page_size), "size — число строк"),
    ):
        if not right:
            raise ConfigError(words, place=f"{plan.place}.{key}")


def soap_service(connection: Connection) -> SoapService:
    """The connection's web service, to be closed; nothing is fetched yet."""
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


def fill(
    connection: Connection, plan: StreamPlan, known: list[Argument], value: str, after: str = ""
) -> dict[str, Any]:
    """A stream's arguments for one call, the cursor put in; `value` is empty on the first call.

    A time goes out earlier by the stream's overlap: what was written before it and committed
    after the last poll must not be missed. What comes twice changes nothing.
    ConfigError when the operation does not take them.
    """
    zone = connection.timezone
    values = {
        CURSOR: earlier(value, float(plan.overlap_seconds), zone),
        AFTER: after,
        SIZE: str(plan.page_size),
    }
    return filled(plan.arguments, known, values, zone, f"{plan.place}.arguments")
