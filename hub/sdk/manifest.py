"""A connector's manifest: what it is, what it can do, which settings and secrets it needs.

`connectors/<name>/manifest.yml` drives the settings form, its validation, the docs and the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from hub.sdk.errors import ConfigError

SETTING_TYPES: Final = (
    "text", "url", "integer", "boolean", "choice", "map", "list", "timezone", "json",
)  # fmt: skip
#: sink takes any change of a record; stock takes quantities only; outbox: what must go out is
#: fetched from the hub in a dialogue; upload: whole files come in; calls: it rings a person and
#: then the number they want.
DIRECTIONS: Final = ("webhook", "poll", "sink", "stock", "outbox", "upload", "calls")
# Settings that no manifest needs to declare.
#: Of every connector that calls out: its own requests a second.
LIMITS: Final = "limits"
#: Of two systems in one space of ids, those with the same base mean the same by an id.
BASE: Final = "base"
#: Whether new products are matched to known ones by barcode or article; shops do unless told not.
MATCH: Final = "match_products"


class _TitleSchema(Schema):
    ru = fields.String(required=True, validate=validate.Length(min=1))
    en = fields.String(required=True, validate=validate.Length(min=1))


class _SettingSchema(Schema):
    name = fields.String(required=True)
    type = fields.String(load_default="text", validate=validate.OneOf(SETTING_TYPES))
    title = fields.Nested(_TitleSchema, required=True)
    help = fields.Nested(_TitleSchema, load_default=None)
    required = fields.Boolean(load_default=False)
    secret = fields.Boolean(load_default=False)
    default = fields.Raw(load_default=None)
    choices = fields.List(fields.String(), load_default=list)
    #: Shown and required only when another setting has one of these values.
    when = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), load_default=dict)
    #: What the choices are called where people choose.
    labels = fields.Dict(
        keys=fields.String(), values=fields.Nested(_TitleSchema), load_default=dict
    )
    #: A value as it may look, shown in the empty field.
    example = fields.String(load_default="")
    #: Rarely needed: kept out of sight until asked for.
    advanced = fields.Boolean(load_default=False)
    #: A map's key, and its value when that is one text.
    key = fields.Nested(_TitleSchema, load_default=None)
    value = fields.Nested(_TitleSchema, load_default=None)
    #: What stands in each row of a list or a map of tables; other keys are left as they are.
    columns = fields.List(
        fields.Nested(lambda: _SettingSchema()), load_default=list, data_key="fields"
    )


class _StreamSchema(Schema):
    name = fields.String(required=True)
    entity = fields.String(required=True)
    title = fields.Nested(_TitleSchema, required=True)
    schedule = fields.String(load_default="")
    #: full: the page set replaces what was there; delta: only what is listed changed.
    mode = fields.String(load_default="delta", validate=validate.OneOf(["full", "delta"]))
    #: in: polled from the system; out: the hub brings it there (stock_out).
    direction = fields.String(load_default="in", validate=validate.OneOf(["in", "out"]))


class LimitSchema(Schema):
    """How many requests may go out: so many a second, at most `burst` at once."""

    requests_per_second = fields.Float(validate=validate.Range(min=0, min_inclusive=False))
    burst = fields.Integer(validate=validate.Range(min=1))


class _OwnLimitsSchema(LimitSchema):
    #: Limits of their own for kinds of calls, beside the connector's: statistics, recordings.
    groups = fields.Dict(keys=fields.String(), values=fields.Nested(LimitSchema))


class _LimitsSchema(_OwnLimitsSchema):
    max_body_bytes = fields.Integer()
    page_size = fields.Integer()
    max_connections = fields.Integer()
    #: Levels that one push_stock takes.
    stock_batch = fields.Integer(validate=validate.Range(min=1))


class _ManifestSchema(Schema):
    name = fields.String(required=True)
    title = fields.Nested(_TitleSchema, required=True)
    #: What it brings and how, in a sentence for whoever chooses it.
    about = fields.Nested(_TitleSchema, load_default=None)
    kind = fields.String(
        required=True,
        validate=validate.OneOf(["telephony", "shop", "email", "erp", "crm", "generic"]),
    )
    directions = fields.List(
        fields.String(validate=validate.OneOf(DIRECTIONS)),
        required=True,
        validate=validate.Length(min=1),
    )
    auth = fields.String(required=True)
    settings = fields.List(fields.Nested(_SettingSchema), load_default=list)
    event_types = fields.List(fields.String(), load_default=list)
    streams = fields.List(fields.Nested(_StreamSchema), load_default=list)
    #: True: the connection's own settings name the streams.
    streams_from_settings = fields.Boolean(load_default=False)
    entities = fields.List(fields.String(), load_default=list)
    #: What a destination takes when its connection's own `entities` say nothing; empty: all.
    takes = fields.List(fields.String(), load_default=list)
    #: True: a destination that had a person's records is told when the person is erased.
    takes_erasures = fields.Boolean(load_default=False)
    #: The setting without which a connection takes no changes: it says how they go out.
    sink_setting = fields.String(load_default="")
    #: True: the connection brings the mappings, nothing is shipped.
    mappings_from_connection = fields.Boolean(load_default=False)
    #: Names a space of ids: two connections of one space (and one setting `base`) that give a
    #: product the same external id mean one product.
    identity = fields.String(load_default="")
    limits = fields.Nested(_LimitsSchema, load_default=dict)
    docs = fields.List(fields.String(), load_default=list)
    tier = fields.String(
        load_default="beta", validate=validate.OneOf(["beta", "stable", "reference"])
    )


@dataclass(frozen=True)
class Setting:
    """One setting or secret of a connector."""

    name: str
    type: str
    title: Mapping[str, str]
    help: Mapping[str, str] | None
    required: bool
    secret: bool
    default: Any
    choices: tuple[str, ...]
    when: Mapping[str, list[str]]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    example: str = ""
    advanced: bool = False
    key: Mapping[str, str] | None = None
    value: Mapping[str, str] | None = None
    columns: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class Stream:
    """One pollable stream of a connector."""

    name: str
    entity: str
    title: Mapping[str, str]
    schedule: str
    mode: str
    direction: str = "in"
    #: The stream whose levels of stock this one changes between its snapshots; empty: its own.
    part_of: str = ""


@dataclass(frozen=True)
class Manifest:
    """A checked manifest."""

    name: str
    title: Mapping[str, str]
    kind: str
    directions: tuple[str, ...]
    auth: str
    settings: tuple[Setting, ...]
    event_types: tuple[str, ...]
    streams: tuple[Stream, ...]
    entities: tuple[str, ...]
    limits: Mapping[str, Any]
    docs: tuple[str, ...]
    tier: str
    streams_from_settings: bool = False
    mappings_from_connection: bool = False
    identity: str = ""
    takes: tuple[str, ...] = ()
    takes_erasures: bool = False
    sink_setting: str = ""
    about: Mapping[str, str] | None = None
    folder: Path = field(default=Path())

    @property
    def max_body_bytes(self) -> int:
        """The largest body this connector's webhook takes."""
        return int(self.limits.get("max_body_bytes", 5 * 1024 * 1024))

    @property
    def calls_out(self) -> bool:
        """Whether the hub calls this system, so that limits and a breaker apply."""
        return bool(
            {"poll", "sink", "stock"} & set(self.directions) or "requests_per_second" in self.limits
        )

    def says_how(self, settings: Mapping[str, Any]) -> bool:
        """Whether a connection with these settings takes changes, as far as they must say so."""
        return not self.sink_setting or bool(settings.get(self.sink_setting))

    def checked_limits(self, given: Any, place: str) -> dict[str, Any]:
        """A connection's own limits: requests_per_second, burst, groups; ConfigError if wrong."""
        try:
            checked: dict[str, Any] = _OwnLimitsSchema().load(given)
        except ValidationError:
            raise ConfigError(
                "must hold requests_per_second (above 0), burst (1 or more) or groups", place=place
            ) from None
        for name in checked.get("groups", {}):
            known = ", ".join(self.limits.get("groups", {})) or "none"
            if name not in self.limits.get("groups", {}):
                raise ConfigError(f"there is no group «{name}»; there are: {known}", place=place)
        return checked

    def common_settings(self) -> list[str]:
        """The settings that this connector has without declaring them."""
        named = {LIMITS: self.calls_out, BASE: self.identity, MATCH: "product" in self.entities}
        return [name for name, applies in named.items() if applies]

    def checked_common(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Values of those settings, checked; ConfigError if wrong."""
        checked: dict[str, Any] = {}
        if self.identity:
            checked[BASE] = str(settings.get(BASE) or "").strip()
        if "product" in self.entities:
            matching = settings.get(MATCH)
            checked[MATCH] = self.kind == "shop" if matching is None else matching
            if not isinstance(checked[MATCH], bool):
                raise ConfigError("must be a boolean", place=f"settings.{MATCH}")
        if settings.get(LIMITS) is not None:
            checked[LIMITS] = self.checked_limits(settings[LIMITS], f"settings.{LIMITS}")
        return checked

    def stream(self, name: str) -> Stream | None:
        """The declared stream of this name."""
        return next((stream for stream in self.streams if stream.name == name), None)


def build_manifest(data: Any, folder: Path) -> Manifest:
    """Check a loaded manifest; ConfigError names the file and the key."""
    try:
        loaded: dict[str, Any] = _ManifestSchema().load(data)
    except ValidationError as error:
        raise ConfigError(str(error.messages), place=str(folder / "manifest.yml")) from error
    if loaded["name"] != folder.name:
        raise ConfigError(
            f"name «{loaded['name']}» differs from the folder", place=str(folder / "manifest.yml")
        )
    settings = _settings(loaded.pop("settings"))
    streams = tuple(Stream(**item) for item in loaded.pop("streams"))
    for key in ("directions", "event_types", "entities", "docs", "takes"):
        loaded[key] = tuple(loaded[key])
    return Manifest(**loaded, settings=settings, streams=streams, folder=folder)


def _settings(loaded: list[dict[str, Any]]) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            **{
                **item,
                "choices": tuple(item["choices"]),
                "columns": _settings(item["columns"]),
            }
        )
        for item in loaded
    )
