"""A small 1C OData for emulators: its sets, its queries, its silent ways of writing.

As the platform does: a reference to nothing is stored, a long text is cut, a field it does not know
is dropped and a text in a whole number is 0, each with a good answer; `$orderby` means nothing on
a register of a recorder; no version of an object is ever checked.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from connectors._protocols.odata_filter import FilterError, order_key, parse_filter

Row = dict[str, Any]
ZERO: Final = str(uuid.UUID(int=0))
_EMPTY: Final[dict[str, Any]] = {
    "Edm.Guid": ZERO, "Edm.String": "", "Edm.Boolean": False, "Edm.Int64": "0",
    "Edm.Double": 0, "Edm.DateTime": "0001-01-01T00:00:00",
}  # fmt: skip
_ONE = re.compile(r"(?P<name>[^(]+)\(guid'(?P<key>[^']+)'\)(?:/(?P<act>\w+))?$")
_CALL = re.compile(r"(?P<name>[^/(]+)/(?P<act>Balance|SliceLast)\((?P<given>.*)\)$")
_ARGUMENT = re.compile(r"(\w+)='((?:''|(?<=guid)'[^']*'|[^'])*)'")


class Refused(Exception):
    """A request that 1C answers with an error of its own."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


@dataclass
class EntitySet:
    """One published set: fields {name: Edm type}, its key, table parts, the rows themselves.

    `lengths` cuts texts; `recorder`: a register whose order cannot be asked for; `measures` are
    what Balance sums, all other fields its dimensions.
    """

    name: str
    fields: dict[str, str]
    keys: tuple[str, ...] = ("Ref_Key",)
    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    recorder: bool = False
    measures: tuple[str, ...] = ()
    rows: list[Row] = field(default_factory=list)


class Server:
    """The published sets of one base and what it does with a request."""

    def __init__(self, sets: Sequence[EntitySet]) -> None:
        self.sets = {one.name: one for one in sets}
        #: Called after every page that was given: the moment when rows change behind one's back.
        self.after_page: Callable[[], None] = lambda: None
        self.posted_number = 0
        self._version = 0

    # Reading.

    def query(self, path: str, given: Mapping[str, str]) -> list[Row] | Row:
        """What a GET gives: rows of a set or a virtual table, or one object."""
        if call := _CALL.match(path):
            return self._virtual(call["name"], call["act"], call["given"], given)
        if one := _ONE.match(path):
            return self._shown(self.set_of(one["name"]), self.one(one["name"], one["key"]))
        parted = self._part(path)
        rows, fields, entity = parted or (
            self.set_of(path).rows,
            self._all(path),
            self.set_of(path),
        )
        rows = [self._shown(entity, row) for row in rows] if parted is None else rows
        found = self._chosen(rows, fields, given, ordered=not entity.recorder)
        self.after_page()
        return found

    def set_of(self, name: str) -> EntitySet:
        """A published set; Refused for another name."""
        if name not in self.sets:
            raise Refused(404, "6", f"Сегмент пути {name} не найден!")
        return self.sets[name]

    def one(self, name: str, key: str) -> Row:
        """A stored object; Refused when there is none."""
        for row in self.set_of(name).rows:
            if row.get("Ref_Key") == key.lower():
                return row
        raise Refused(404, "9", f"Экземпляр сущности с ключом {key} не найден")

    def _all(self, name: str) -> dict[str, str]:
        entity = self.set_of(name)
        return {**entity.fields, **dict.fromkeys(entity.tables, "Collection")}

    def _part(self, path: str) -> tuple[list[Row], dict[str, str], EntitySet] | None:
        """The rows of a table part as a set of their own."""
        for entity in self.sets.values():
            for name, fields in entity.tables.items():
                if path == f"{entity.name}_{name}":
                    rows = [
                        {"Ref_Key": row["Ref_Key"], **line}
                        for row in entity.rows
                        for line in row.get(name) or ()
                    ]
                    return rows, {"Ref_Key": "Edm.Guid", **fields}, entity
        return None

    @staticmethod
    def _shown(entity: EntitySet, row: Row) -> Row:
        whole: Row = {
            name: row.get(name, _EMPTY.get(kind, "")) for name, kind in entity.fields.items()
        }
        for name in entity.tables:
            whole[name] = deepcopy(row.get(name) or [])
        for name in entity.fields:
            if name.endswith("_Key") and name != "Ref_Key":
                whole[f"{name[:-4]}@navigationLinkUrl"] = f"{entity.name}/{name[:-4]}"
        return whole

    @staticmethod
    def _chosen(
        rows: list[Row], fields: Mapping[str, str], given: Mapping[str, str], *, ordered: bool
    ) -> list[Row]:
        try:
            if condition := given.get("$filter"):
                test = parse_filter(condition, fields)
                rows = [row for row in rows if test(row)]
        except FilterError as error:
            raise Refused(400, error.code, error.words) from error
        if ordered:
            for name in reversed([one for one in given.get("$orderby", "").split(",") if one]):
                rows = sorted(rows, key=lambda row, name=name: order_key(row.get(name)))  # type: ignore[misc]  # mypy cannot infer a lambda's default
        start = int(given.get("$skip") or 0)
        rows = rows[start : start + int(given["$top"])] if "$top" in given else rows[start:]
        chosen = [one for one in given.get("$select", "").split(",") if one]
        if unknown := [one for one in chosen if one not in fields]:
            raise Refused(400, "6", f"Сегмент пути {unknown[0]} не найден!")
        return [{name: row.get(name) for name in chosen} for row in rows] if chosen else rows

    def _virtual(self, name: str, act: str, text: str, given: Mapping[str, str]) -> list[Row]:
        entity = self.set_of(name)
        arguments = {key: value.replace("''", "'") for key, value in _ARGUMENT.findall(text)}
        if text and not arguments:
            raise Refused(400, "14", "Параметры функции не разобраны")
        rows: list[Row] = [dict(row) for row in entity.rows]
        condition = arguments.get("Condition") or arguments.get("AccountCondition")
        if condition:
            try:
                test = parse_filter(condition, entity.fields)
            except FilterError as error:
                raise Refused(400, error.code, error.words) from error
            rows = [row for row in rows if test(row)]
        if act == "Balance":
            asked = [one for one in arguments.get("Dimensions", "").split(",") if one]
            rows = self._balance(entity, rows, asked)
        # A virtual table is built whole: `$top` does not shorten it.
        kept = {key: value for key, value in given.items() if key != "$top"}
        fields = {**entity.fields, **{f"{one}Balance": "Edm.Double" for one in entity.measures}}
        return self._chosen(rows, fields, kept, ordered=True)

    @staticmethod
    def _balance(entity: EntitySet, rows: list[Row], asked: list[str]) -> list[Row]:
        dimensions = [one for one in entity.fields if one not in entity.measures]
        if asked:
            dimensions = [f"{one}_Key" for one in asked]
            if unknown := [one for one in dimensions if one not in entity.fields]:
                raise Refused(400, "6", f"Сегмент пути {unknown[0]} не найден!")
        sums: dict[tuple[Any, ...], list[Decimal]] = {}
        for row in rows:
            key = tuple(row.get(name) for name in dimensions)
            total = sums.setdefault(key, [Decimal(0)] * len(entity.measures))
            for place, name in enumerate(entity.measures):
                total[place] += Decimal(str(row.get(name) or 0))
        return [
            dict(zip(dimensions, key, strict=True))
            | {f"{name}Balance": value for name, value in zip(entity.measures, total, strict=True)}
            for key, total in sums.items()
            if any(total)
        ]

    # Writing.

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> Row:
        """Make, change, post or unpost an object; the object as it is stored."""
        one = _ONE.match(path)
        if method == "POST" and one is None:
            entity = self.set_of(path)
            row: Row = {"Ref_Key": str(uuid.uuid4())}
            entity.rows.append(row)
            self._fill(entity, row, body)
            if "Number" in entity.fields and not row.get("Number"):
                self.posted_number += 1
                row["Number"] = f"УТ-{self.posted_number:06}"
            return self._shown(entity, row)
        if one is None:
            raise Refused(400, "6", "Сегмент пути не найден!")
        entity, row = self.set_of(one["name"]), self.one(one["name"], one["key"])
        if one["act"] in {"Post", "Unpost"}:
            self._fill(entity, row, {"Posted": one["act"] == "Post"})
        elif method == "PATCH":
            self._fill(entity, row, body)
        else:
            raise Refused(501, "4", f"Метод {method} не поддерживается")
        return self._shown(entity, row)

    def _fill(self, entity: EntitySet, row: Row, body: Mapping[str, Any]) -> None:
        self._version += 1
        row["DataVersion"] = f"{self._version:012}"
        for name, value in body.items():
            if name in entity.tables and isinstance(value, list):
                fields = entity.tables[name]
                row[name] = [self._kept(fields, entity.lengths, line) for line in value]
            elif name in entity.fields and name != "Ref_Key":
                row.update(self._kept(entity.fields, entity.lengths, {name: value}))

    @staticmethod
    def _kept(
        fields: Mapping[str, str], lengths: Mapping[str, int], given: Mapping[str, Any]
    ) -> Row:
        kept: Row = {}
        for name, kind in fields.items():
            if name not in given:
                if len(given) > 1:
                    kept[name] = _EMPTY.get(kind, "")
                continue
            value = given[name]
            if kind == "Edm.String":
                value = str(value)[: lengths.get(name, 100_000)]
            elif kind == "Edm.Int64":
                value = str(value) if re.fullmatch(r"-?\d+", str(value)) else "0"
            kept[name] = value
        return kept


def metadata_of(server: Server) -> bytes:
    """The base's `$metadata`, of the platform's own shape."""
    types, sets, functions = [], [], []
    for entity in server.sets.values():
        more = {
            name: f"Collection(StandardODATA.{entity.name}_{name}_RowType)"
            for name in entity.tables
        }
        types.append(_type("EntityType", entity.name, {**entity.fields, **more}, entity.keys))
        sets.append(entity.name)
        for name, fields in entity.tables.items():
            whole = {"Ref_Key": "Edm.Guid", **fields}
            part = f"{entity.name}_{name}"
            types.append(_type("EntityType", part, whole, ("Ref_Key", "LineNumber")))
            types.append(_type("ComplexType", f"{part}_RowType", whole, ()))
            sets.append(part)
        if entity.measures:
            functions.append(("Balance", entity.name))
    shown = "".join(
        f"<EntitySet Name={quoteattr(name)} EntityType={quoteattr(f'StandardODATA.{name}')}/>"
        for name in sets
    )
    shown += "".join(
        f'<FunctionImport Name="{name}" IsBindable="true" EntitySetPath={quoteattr(bound)}/>'
        for name, bound in functions
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">'
        '<edmx:DataServices><Schema Namespace="StandardODATA"'
        ' xmlns="http://schemas.microsoft.com/ado/2009/11/edm">'
        f'{"".join(types)}<EntityContainer Name="StandardODATA">{shown}</EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    ).encode()


def _type(kind: str, name: str, fields: Mapping[str, str], keys: Sequence[str]) -> str:
    refs = "".join(f"<PropertyRef Name={quoteattr(key)}/>" for key in keys)
    properties = "".join(
        f"<Property Name={quoteattr(one)} Type={quoteattr(type_)}/>"
        for one, type_ in fields.items()
    )
    key = f"<Key>{refs}</Key>" if refs else ""
    return f"<{kind} Name={quoteattr(name)}>{key}{properties}</{kind}>"


def error_body(code: str, words: str, *, atom: bool = False) -> bytes:
    """1C's error of either form."""
    if atom:
        return (
            '<?xml version="1.0"?><m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataser'
            f'vices/metadata"><m:code>{code}</m:code><m:message>{escape(words)}</m:message></m:error>'
        ).encode()
    text = words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return (
        f'{{"odata.error":{{"code":"{code}","message":{{"lang":"ru","value":"{text}"}}}}}}'.encode()
    )
