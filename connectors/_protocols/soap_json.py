"""Rows of a JSON text that comes in pieces: a row at a time is held, whatever the text's length.

The path's names lead through objects to the rows: a list's items, or the one object there. Without
a path an object's only list of objects is taken, else the object itself is the one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import ijson

from hub.sdk.errors import PayloadError
from hub.sdk.payload import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, clean_text

Event = tuple[str, Any]
Events = Iterator[Event]
#: Without a path so many items are held until it is known whether they are the rows.
HELD_ITEMS = 1000
MAX_NAMES = 50


def json_rows(pieces: Iterable[str], path: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows under `path`; PayloadError for what is no JSON or holds no objects there."""
    events = _events(pieces)
    yield from _rows(events, next(events, ("null", None)), path)
    for _ in events:  # to the text's end: what comes after the rows must be JSON too
        pass


def _events(pieces: Iterable[str]) -> Events:
    found: Any = ijson.sendable_list()
    try:
        parser = ijson.basic_parse_coro(found)
        for piece in filter(None, pieces):  # an empty one would be the end
            parser.send(piece.encode("utf-8", "replace"))
            yield from found
            found.clear()
        parser.close()
        yield from found
    except (ijson.JSONError, ValueError, ArithmeticError, SystemError) as error:
        # SystemError: a number too long for Python, met inside the C parser.
        raise PayloadError(f"текст ответа — не JSON: {error!s:.200}") from error


def _rows(events: Events, first: Event, path: Sequence[str]) -> Iterator[dict[str, Any]]:
    kind, value = first
    if kind == "start_array":
        yield from _items(events)
    elif kind == "start_map" and path:
        yield from _below(events, path)
    elif kind == "start_map":
        yield from _alone(events)
    elif value not in (None, ""):
        yield from _object(value)


def _items(events: Events) -> Iterator[dict[str, Any]]:
    """The objects of a list. A hundred thousand rows of plain values are what it is quick at."""
    key = ""
    for first, item in events:
        if first == "end_array":
            return
        if first != "start_map":
            yield from _object(_Value(events).take((first, item)))
            continue
        row: dict[str, Any] = {}
        for kind, value in events:
            if kind == "map_key":
                key = clean_text(value)
                if len(row) > MAX_VALUES:
                    raise PayloadError(f"в одной строке больше {MAX_VALUES} значений")
            elif kind == "string":
                row[key] = clean_text(value)
            elif kind == "end_map":
                break
            elif kind == "number":
                row[key] = _number(value)
            elif kind in {"start_map", "start_array"}:
                row[key] = _Value(events).take((kind, value), 1)
            else:
                row[key] = value
        yield row


def _object(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    elif value is not None:
        raise PayloadError(f"строка в тексте ответа — не объект: «{str(value)[:100]}»")


def _below(events: Events, path: Sequence[str]) -> Iterator[dict[str, Any]]:
    names: list[str] = []
    found = False
    for kind, name in events:
        if kind == "end_map":
            break
        if name == path[0] and not found:
            found = True
            yield from _rows(events, next(events), path[1:])
            continue
        if len(names) < MAX_NAMES:
            names.append(clean_text(name))
        _skip(events)
    if names and not found:
        raise PayloadError(f"в тексте ответа нет «{path[0]}», есть: {', '.join(names)}")


def _skip(events: Events) -> None:
    depth = 0
    for kind, _ in events:
        depth += kind.startswith("start_") - kind.startswith("end_")
        if not depth:
            return


def _alone(events: Events) -> Iterator[dict[str, Any]]:
    whole: dict[str, Any] = {}
    count = 0
    for kind, name in events:
        if kind == "end_map":
            break
        value = _Value(events)
        event = next(events)
        if event[0] != "start_array":
            whole[clean_text(name)] = value.take(event)
        else:
            held = whole[clean_text(name)] = []
            for item in events:
                if item[0] == "end_array":
                    break
                held.append(value.take(item))
                if len(held) == HELD_ITEMS and all(isinstance(one, dict) for one in held):
                    yield from held
                    yield from _items(events)
                    for _ in events:
                        pass
                    return
        count += value.count
        if count > MAX_VALUES:
            raise PayloadError(f"в одном объекте больше {MAX_VALUES} значений: задайте путь rows")
    lists = [
        value
        for value in whole.values()
        if isinstance(value, list) and all(isinstance(one, dict | None) for one in value)
    ]
    if len(lists) == 1:
        yield from (row for row in lists[0] if row is not None)
        return
    only = next(iter(whole.values())) if len(whole) == 1 else None
    if isinstance(only, list):
        raise PayloadError(f"строка в тексте ответа — не объект: «{str(only[0])[:100]}»")
    yield from _object(only if isinstance(only, dict) else whole)


class _Value:
    """Builds values from events, each no deeper and no larger than a document may be."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.count = 0

    def take(self, event: Event, depth: int = 0) -> Any:
        """The value that begins with this event."""
        kind, value = event
        self.count += 1
        if self.count > MAX_VALUES:
            raise PayloadError(f"в одной строке больше {MAX_VALUES} значений")
        if kind == "string":
            return clean_text(value)
        if kind == "start_map":
            self._enter(depth)
            return {
                clean_text(name): self.take(next(self._events), depth + 1)
                for _, name in self._until("end_map")
            }
        if kind == "start_array":
            self._enter(depth)
            return [self.take(item, depth + 1) for item in self._until("end_array")]
        return _number(value) if kind == "number" else value

    def _enter(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise PayloadError(f"JSON is nested deeper than {MAX_DEPTH} levels")

    def _until(self, end: str) -> Events:
        for event in self._events:
            if event[0] == end:
                return
            yield event


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        if value.adjusted() > 30 or value.adjusted() < -MAX_DIGITS:
            raise PayloadError("JSON holds a number that is too large or too small")
    elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        raise PayloadError("JSON holds a number that is too long")
    return value


def json_lists(pieces: Iterable[str]) -> Counter[tuple[str, ...]]:
    """How many objects lie in lists, by the lists' paths; the text may end anywhere."""
    found = Counter[tuple[str, ...]]()
    #: What is open: the name of a key, or nothing for a list.
    line: list[str | None] = []
    key = ""
    try:
        for kind, value in _events(pieces):
            if kind == "map_key":
                key = str(value)
            elif kind.startswith("start_"):
                in_list = bool(line) and line[-1] is None
                if kind == "start_map" and in_list:
                    found[tuple(name for name in line if name)] += 1
                line += [] if in_list or not line else [key]
                line.append(None if kind == "start_array" else "")
            elif kind.startswith("end_"):
                line.pop()
                if line and line[-1]:
                    line.pop()
    except PayloadError:
        return found
    return found
