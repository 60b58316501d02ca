"""What a connection file and the base's `$metadata` together say: which sets and fields to use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final

from connectors._protocols.odata_metadata import Metadata, metadata_of
from connectors._protocols.odata_values import is_guid
from connectors._protocols.odata_wire import ODataOptions, Wire
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError
from hub.sdk.records import SourceRecord

PLACE: Final = "settings.streams"
STOCK_KEYS: Final = {
    *("balance", "rows", "accounts", "chart", "codes", "warehouse", "product", "variant"),
    *("quantity", "reserved", "available", "beside", "condition", "names"),
}
STREAM_KEYS: Final = {"set", "fields", "where", "price_type", "currency", "days", "foreign"}


class Base:
    """One 1C base: calls, metadata and the plan of each stream.

    `names` are what typical configurations call their objects: {profile: {stock, order}, common}.
    No call takes longer than `most_seconds`.
    """

    def __init__(
        self, connection: Connection, names: Mapping[str, Any], most_seconds: float = 3600.0
    ) -> None:
        self._names = names
        self.connection, self.timezone = connection, connection.timezone
        settings = connection.settings
        self.wire = Wire(
            connection,
            ODataOptions(
                url=str(connection.setting("url")),
                username=str(settings.get("username") or ""),
                timeout_seconds=min(most_seconds, float(settings.get("timeout_seconds") or 600)),
                reads=int(settings.get("parallel_reads") or 2),
                writes=int(settings.get("parallel_writes") or 1),
                allowed_only=bool(settings.get("allowed_only")),
            ),
        )

    @cached_property
    def metadata(self) -> Metadata:
        """What the base publishes."""
        return metadata_of(self.wire)

    def common(self, name: str) -> Any:
        """A name that all configurations share."""
        return self._names["common"][name]

    def stream(self, name: str) -> Mapping[str, Any]:
        """What the connection file says of a stream; ConfigError for an unknown key."""
        given = (self.connection.settings.get("streams") or {}).get(name) or {}
        if not isinstance(given, Mapping):
            raise ConfigError("ожидается таблица ключей", place=f"{PLACE}.{name}")
        known = STOCK_KEYS if name == "stock" else STREAM_KEYS
        if unknown := sorted(set(given) - known):
            raise ConfigError(
                f"неизвестный ключ «{unknown[0]}», есть: {', '.join(sorted(known))}",
                place=f"{PLACE}.{name}",
            )
        return given

    def set_of(self, stream: str, shipped: str) -> str:
        """The set a stream reads; ConfigError tells how to publish it."""
        name = str(self.stream(stream).get("set") or shipped)
        return self.published(name)

    def published(self, name: str) -> str:
        """The set's own name; ConfigError unless the base publishes it."""
        if name not in self.metadata:
            raise ConfigError(how_to_publish(name))
        return name

    def fields(self, stream: str, name: str, shipped: Iterable[str]) -> list[str]:
        """Which of the shipped fields a set has, and those the connection adds."""
        more = list(self.stream(stream).get("fields") or ())
        known = self.metadata.fields(name)
        for field in more:
            if field not in known:
                raise ConfigError(f"у {name} нет «{field}»", place=f"{PLACE}.{stream}.fields")
        return list(dict.fromkeys([*self.metadata.chosen(name, shipped), *more]))

    def stock_plan(self) -> Mapping[str, Any]:
        """Where stock is read: as the connection says, else the first shipped way published."""
        given = {key: value for key, value in self.stream("stock").items() if key != "names"}
        source = next((given[key] for key in ("balance", "rows", "accounts") if key in given), "")
        if given:
            if not source:
                raise ConfigError("нужен balance, rows или accounts", place=f"{PLACE}.stock")
            self.published(str(source))
            return given
        ways: list[Mapping[str, Any]] = [
            way for profile in self._profiles() for way in profile["stock"]
        ]
        for way in ways:
            if next(way[key] for key in ("balance", "rows", "accounts") if key in way) in (
                self.metadata
            ):
                return way
        names = [str(next(iter(way.values()))) for way in ways]
        raise ConfigError(how_to_publish(" или ".join(names)))

    def order_plan(self) -> dict[str, Any]:
        """The document that orders become, with what the connection's `orders` replaces."""
        given = dict(self.connection.settings.get("orders") or {})
        for profile in self._profiles():
            shipped = profile["order"]
            if (given.get("document") or shipped["document"]) in self.metadata:
                return {"key_field": "Комментарий", **shipped, **given}
        names = " или ".join(profile["order"]["document"] for profile in self._profiles())
        raise ConfigError(how_to_publish(str(given.get("document") or names)))

    def _profiles(self) -> list[Mapping[str, Any]]:
        chosen = str(self.connection.settings.get("profile") or "auto")
        known = self._names
        names = ["ut11", "unf3", "bp3"] if chosen == "auto" else [chosen]
        return [known[known[name].get("same_as", name)] for name in names]

    def ref_setting(self, value: Any, place: str, find: Callable[[str], str]) -> str:
        """A setting that names an object by GUID or by its name."""
        text = str(value or "").strip()
        if is_guid(text):
            return text.lower()
        found = find(text) if text else ""
        if text and not found:
            raise ConfigError(f"в 1С не найдено «{text}»", place=place)
        return found


def deleted(stream: str, key: str) -> SourceRecord:
    """An object that the base has no more."""
    return SourceRecord("product" if stream == "products" else "company", key, {}, deleted=True)


def how_to_publish(name: str) -> str:
    """What an admin does about a set that the base does not publish."""
    return (
        f"1С не публикует {name}: включите этот объект в обработке «Настройка автоматического "
        "REST-сервиса» (состав стандартного интерфейса OData) и дайте пользователю права на него"
    )
