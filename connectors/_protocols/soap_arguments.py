"""Arguments of a SOAP operation out of a template: placeholders filled, values as 1C takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from connectors._protocols.onec_moments import parse_moment
from connectors._protocols.soap import Argument
from hub.sdk.errors import ConfigError

#: 1C's own empty date: what a date argument that cannot be nil gets when there is no value.
EMPTY_DATE = "0001-01-01T00:00:00"


def argument_trouble(given: Mapping[str, Any], known: Sequence[Argument]) -> str:
    """What is wrong with the arguments of an operation, in words; empty when nothing is."""
    names = [argument.name for argument in known]
    extra = [name for name in given if name not in names]
    missing = [item.name for item in known if item.required and item.name not in given]
    said = []
    if extra:
        said.append(f"лишние: {', '.join(extra)}")
    if missing:
        said.append(f"не заданы: {', '.join(missing)}")
    if said:
        said.append(f"операция принимает: {', '.join(names) or 'ничего'}")
    return "; ".join(said)


def filled(
    template: Mapping[str, Any],
    known: Sequence[Argument],
    values: Mapping[str, str],
    timezone: ZoneInfo,
    place: str,
) -> dict[str, Any]:
    """The arguments for one call; `values` is {placeholder: text}, an empty text is no value.

    ConfigError at `place` when the operation does not take them.
    """
    trouble = argument_trouble(template, known)
    if trouble:
        raise ConfigError(f"аргументы операции: {trouble}", place=place)
    by_name = {argument.name: argument for argument in known}
    return {
        name: _filled(given, by_name[name], values, timezone) for name, given in template.items()
    }


def _filled(given: Any, argument: Argument, values: Mapping[str, str], timezone: ZoneInfo) -> Any:
    if isinstance(given, Mapping):
        return {name: _filled(item, argument, values, timezone) for name, item in given.items()}
    if isinstance(given, list):
        return [_filled(item, argument, values, timezone) for item in given]
    if isinstance(given, bool):
        return given if argument.kind == "boolean" else ("true" if given else "false")
    text = "" if given is None else str(given)
    for name, value in values.items():
        if name in text:
            text = text.replace(name, value) if value or text != name else ""
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
