"""What a base publishes: its `$metadata` (16.8 MB, 23 s in a real УТ), read as a stream and kept.

Kept is one line per type, so asking for a few sets reads little. A kept copy is asked for anew by
its validators when it is older than `MAX_AGE_SECONDS`; a base that gives none is read again then.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from connectors._protocols.odata_pull import ended, local
from connectors._protocols.odata_wire import Wire
from hub.sdk.errors import PayloadError, RetryLater
from hub.sdk.xml import free

MAX_AGE_SECONDS: Final = 3600.0
#: Another shape of the kept lines makes old copies void.
SHAPE: Final = 1
MAX_TYPES: Final = 200_000
_PARTS: Final = ("", "_RecordType", "_RowType", "_Balance", "_SliceLast")


@dataclass(frozen=True)
class Type:
    """An entity or complex type: its properties with their Edm types, its key."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    is_set: bool = False


class Metadata:
    """The published sets; asked for by name."""

    def __init__(self, types: Mapping[str, Type]) -> None:
        self._types = types

    def __contains__(self, name: str) -> bool:
        found = self._types.get(name)
        return found is not None and found.is_set

    def __len__(self) -> int:
        return sum(1 for one in self._types.values() if one.is_set)

    def first(self, names: Iterable[str]) -> str:
        """The first of these sets that is published; empty when none is."""
        return next((name for name in names if name in self), "")

    def fields(self, name: str) -> dict[str, str]:
        """The properties of a set's rows {name: Edm type}, a register's virtual tables included."""
        found: dict[str, str] = {}
        for part in _PARTS:
            known = self._types.get(f"{name}{part}")
            found |= dict(known.properties) if known else {}
        return found

    def keys(self, name: str) -> dict[str, str]:
        """The key of a set, in order, with its Edm types."""
        known = self._types.get(name)
        if known is None:
            return {}
        return {key: known.properties.get(key, "Edm.String") for key in known.keys}

    def table(self, name: str, part: str) -> dict[str, str]:
        """The properties of a table part's rows; empty when there is no such part."""
        for suffix in ("", "_RowType"):
            known = self._types.get(f"{name}_{part}{suffix}")
            if known:
                return dict(known.properties)
        return {}

    def chosen(self, name: str, wanted: Iterable[str]) -> list[str]:
        """Those of the wanted properties that a set has."""
        known = self.fields(name)
        return [one for one in wanted if one in known]


def metadata_of(wire: Wire, names: Iterable[str] | None = None, *, fresh: bool = False) -> Metadata:
    """The metadata of the sets that begin so (None: of all); from the kept copy while it is young.

    RetryLater and others when the base cannot be asked and no copy is kept. `fresh`: ask anew.
    """
    wanted = None if names is None else tuple(names)
    if not wire.connection.cache_dir:
        read = (one for one in _read(wire) if wanted is None or one.name.startswith(wanted))
        return Metadata({one.name: one for one in read})
    path = _path(wire)
    head = _head(path)
    if head is None or fresh or time.time() - float(head.get("at", 0)) > MAX_AGE_SECONDS:
        try:
            _renew(wire, path, head)
        except RetryLater:
            if head is None or fresh:
                raise
    return Metadata({one.name: one for one in _kept(path, wanted)})


# The kept copy: a head, then one line per type.


def _path(wire: Wire) -> Path:
    name = hashlib.sha256(f"{SHAPE} {wire.root} {wire.options.username}".encode()).hexdigest()[:24]
    return Path(wire.connection.cache_dir) / f"metadata-{name}.jsonl"


def _head(path: Path) -> dict[str, Any] | None:
    try:
        with path.open(encoding="utf-8") as file:
            head: dict[str, Any] = json.loads(file.readline())
            return head if head.get("shape") == SHAPE else None
    except (OSError, ValueError):
        return None


def _kept(path: Path, wanted: tuple[str, ...] | None) -> Iterator[Type]:
    with path.open(encoding="utf-8") as file:
        file.readline()
        for line in file:
            name, _, rest = line.partition("\t")
            if wanted is None or name.startswith(wanted):
                properties, keys, functions, is_set = json.loads(rest)
                yield Type(name, properties, tuple(keys), tuple(functions), is_set)


def _renew(wire: Wire, path: Path, head: Mapping[str, Any] | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    asked = {
        name: str(head[key])
        for name, key in (("If-None-Match", "etag"), ("If-Modified-Since", "modified"))
        if head and head.get(key)
    }
    with wire.open(
        "$metadata", {}, headers={"Accept": "application/xml", **asked}, also=(304,)
    ) as reply:
        made = {
            "shape": SHAPE,
            "at": time.time(),
            "etag": reply.headers.get("ETag", ""),
            "modified": reply.headers.get("Last-Modified", ""),
        }
        if reply.status_code == 304:
            _replace(path, {**(head or {}), "at": made["at"]}, None)
            return
        _replace(path, made, parse_metadata(wire.chunks(reply)))


def _replace(path: Path, head: Mapping[str, Any], types: Iterator[Type] | None) -> None:
    """Write a new copy beside the old one and put it in its place whole."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix="metadata-", suffix=".new", encoding="utf-8", delete=False
    ) as draft:
        try:
            draft.write(json.dumps(head) + "\n")
            if types is None:
                _copy_lines(path, draft)
            else:
                for one in types:
                    shape = (one.properties, one.keys, one.functions, one.is_set)
                    draft.write(f"{one.name}\t{json.dumps(shape, ensure_ascii=False)}\n")
        except BaseException:
            with suppress(OSError):
                os.unlink(draft.name)
            raise
    os.replace(draft.name, path)


def _copy_lines(path: Path, draft: Any) -> None:
    source: TextIO
    with path.open(encoding="utf-8") as source:
        source.readline()
        for line in source:
            draft.write(line)


# Reading.


def _read(wire: Wire) -> Iterator[Type]:
    with wire.open("$metadata", {}, headers={"Accept": "application/xml"}) as reply:
        yield from parse_metadata(wire.chunks(reply))


def parse_metadata(chunks: Iterable[bytes]) -> Iterator[Type]:
    """The types of an EDMX, when its end is read; PayloadError when it is none.

    Element by element: the tree is never whole in memory. RetryLater when it is cut off.
    """
    made = _Types()
    for element, _ in ended(chunks, {"Edmx"}, "$metadata"):
        made.take(element)
    yield from made.all()


class _Types:
    """Types and sets put together as their elements end."""

    def __init__(self) -> None:
        self._types: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {}
        self._sets: dict[str, str] = {}
        self._functions: dict[str, list[str]] = {}

    def take(self, element: Any) -> None:
        """Take in an element whose end is read, and free it."""
        if not isinstance(element.tag, str):
            return
        name = local(element.tag)
        if name in {"EntityType", "ComplexType"}:
            self._take_type(element)
        elif name == "EntitySet":
            kind = str(element.get("EntityType") or "").rpartition(".")[2]
            self._sets[str(element.get("Name") or "")] = kind
        elif name == "FunctionImport":
            bound = str(element.get("EntitySetPath") or element.get("EntitySet") or "")
            self._functions.setdefault(bound, []).append(str(element.get("Name") or ""))
        elif name not in {"Association", "AssociationSet"}:
            return
        free(element)

    def _take_type(self, element: Any) -> None:
        if len(self._types) >= MAX_TYPES:
            raise PayloadError(f"в $metadata больше {MAX_TYPES} типов")
        properties = {
            str(node.get("Name") or ""): str(node.get("Type") or "")
            for node in element.iterfind("{*}Property")
        }
        keys = tuple(
            str(node.get("Name") or "") for node in element.iterfind("{*}Key/{*}PropertyRef")
        )
        self._types[str(element.get("Name") or "")] = (properties, keys)

    def all(self) -> Iterator[Type]:
        """Every type, and every set that goes by another name than its type."""
        for name, (properties, keys) in self._types.items():
            functions = tuple(self._functions.get(name, ()))
            yield Type(name, properties, keys, functions, name in self._sets)
        for name, kind in self._sets.items():
            if name not in self._types and kind in self._types:
                properties, keys = self._types[kind]
                functions = tuple(self._functions.get(name, ()))
                yield Type(name, properties, keys, functions, True)
