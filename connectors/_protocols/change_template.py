"""A change of the hub as what another system's operation takes: a template says what goes where.

`"{number}"` is the value at a path of the change, as it is; `"№ {number}"` is text with it.
`{each: lines, …}` gives a list, one table per item, its paths inside the item first and the whole
change after. `{json: …}` gives the rest as one JSON text. A table key without a value stays out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from connectors._protocols.onec_moments import parse_moment
from hub.sdk.errors import ConfigError

EACH, JSON = "each", "json"
MAX_DEPTH = 12
_PLACE = re.compile(r"\{([^{}]+)\}")
_ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$")


def at_path(value: Any, path: str) -> Any:
    """The value at a dotted path; a number names an item of a list. None when there is none."""
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal():
            value = value[int(name)] if int(name) < len(value) else None
        else:
            return None
    return value


class Template:
    """Fills a template from a change; times go out in the zone of the other system, without it."""

    def __init__(self, timezone: ZoneInfo, place: str) -> None:
        self._timezone, self._place = timezone, place

    def filled(self, template: Any, *sources: Mapping[str, Any], depth: int = 0) -> Any:
        """The template's value; a path is looked up in the sources in turn. ConfigError."""
        if depth > MAX_DEPTH:
            raise ConfigError("шаблон вложен слишком глубоко", place=self._place)
        if isinstance(template, Mapping):
            return self._table(template, sources, depth)
        if isinstance(template, list):
            return [self.filled(one, *sources, depth=depth + 1) for one in template]
        return self._text(template, sources) if isinstance(template, str) else template

    def _table(
        self, template: Mapping[str, Any], sources: tuple[Mapping[str, Any], ...], depth: int
    ) -> Any:
        if set(template) == {JSON}:
            inside = self.filled(template[JSON], *sources, depth=depth + 1)
            return json.dumps(inside, ensure_ascii=False, default=str)
        if EACH not in template:
            rows = {
                key: self.filled(one, *sources, depth=depth + 1) for key, one in template.items()
            }
            return {key: value for key, value in rows.items() if value is not None}
        row = {key: one for key, one in template.items() if key != EACH}
        items = self._found(str(template[EACH]), sources)
        if items is not None and not isinstance(items, list):
            raise ConfigError(f"each: по пути «{template[EACH]}» не список", place=self._place)
        return [self.filled(row, item, *sources, depth=depth + 1) for item in items or []]

    def _text(self, template: str, sources: tuple[Mapping[str, Any], ...]) -> Any:
        whole = _PLACE.fullmatch(template)
        if whole:
            return self._found(whole.group(1), sources)

        def put(found: re.Match[str]) -> str:
            value = self._found(found.group(1), sources)
            return "" if value is None else str(value)

        return _PLACE.sub(put, template)

    def _found(self, path: str, sources: tuple[Mapping[str, Any], ...]) -> Any:
        for source in sources:
            value = at_path(source, path)
            if value is not None:
                return self._local(value)
        return None

    def _local(self, value: Any) -> Any:
        if not isinstance(value, str) or not _ZONED.match(value):
            return value
        moment = parse_moment(value, self._timezone)
        if moment is None:
            return value
        return moment.astimezone(self._timezone).replace(tzinfo=None, microsecond=0).isoformat()
