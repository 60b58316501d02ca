"""One element of a 1C answer as a plain value, platform types included.

Follows the XDTO form of `http://v8.1c.ru/8.1/data/core`: Array → list, Structure and Map →
dictionary, ValueTable → list of dictionaries. Everything else: local names, None for xsi:nil, text
without spaces around it. XML cannot carry NULs or surrogates, so the text needs no cleaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.sdk.errors import PayloadError
from hub.sdk.payload import MAX_DEPTH

V8 = "{http://v8.1c.ru/8.1/data/core}"
COLUMN, ROW, VALUE, PROPERTY = f"{V8}column", f"{V8}row", f"{V8}Value", f"{V8}Property"
PAIR, KEY = f"{V8}pair", f"{V8}Key"
#: What stands for its value under a name: a Structure's property, a Map's pair.
NAMED = frozenset({PROPERTY, PAIR})
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def local(element: Any) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children_of(element: Any) -> list[Any]:
    """Child elements, without comments and instructions."""
    return [child for child in element if isinstance(child.tag, str)]


def is_nil(element: Any) -> bool:
    """True for xsi:nil."""
    return element.get(f"{_XSI}nil") in {"true", "1"}


def plain(element: Any, depth: int = 0) -> Any:
    """The element's value: text, None, dictionary or list; PayloadError when too deep."""
    if depth >= MAX_DEPTH:
        raise PayloadError(f"XML is nested deeper than {MAX_DEPTH} levels")
    attributes = element.items()
    if attributes and is_nil(element):
        return None
    children = children_of(element) if len(element) else []
    if children and children[0].tag.startswith(V8):
        tags = {child.tag for child in children}
        if tags <= NAMED:
            return {name_of(child): _property(child, depth) for child in children}
        if tags == {VALUE}:
            return [plain(child, depth + 1) for child in children]
        if tags <= {COLUMN, ROW}:
            columns = [column_name(child) for child in children if child.tag == COLUMN]
            return [table_row(child, columns, depth) for child in children if child.tag == ROW]
    node: dict[str, Any] = {
        f"@{name.rpartition('}')[2]}": value
        for name, value in attributes
        if not name.startswith(_XSI)
    }
    for child in children:
        name = child.tag.rpartition("}")[2]
        if len(child) or child.keys():
            value = plain(child, depth + 1)
        else:
            value = (child.text or "").strip()
        if name not in node:
            node[name] = value
        elif isinstance(node[name], list):
            node[name].append(value)
        else:
            node[name] = [node[name], value]
    text = (element.text or "").strip()
    if not node:
        return text
    if text:
        node["#text"] = text
    return node


def _property(element: Any, depth: int) -> Any:
    held = [child for child in children_of(element) if child.tag != KEY]
    return plain(held[0], depth + 1) if held else None


def name_of(element: Any) -> str:
    """The name under which a Property or a Map's pair holds its value."""
    if element.tag == PROPERTY:
        return str(element.get("name", ""))
    return str(element.findtext(KEY) or "").strip()


def column_name(element: Any) -> str:
    """The name of a ValueTable's column."""
    named = next((child for child in element if local(child) == "Name"), None)
    return ((named.text if named is not None else "") or "").strip()


def table_row(element: Any, columns: Sequence[str], depth: int = 0) -> dict[str, Any]:
    """A ValueTable's row: its values stand in the order of the columns."""
    values = [plain(child, depth + 1) for child in children_of(element)]
    if len(values) > len(columns):
        raise PayloadError(f"a table row has {len(values)} values for {len(columns)} columns")
    return dict(zip(columns, values, strict=False))


def chain_of(element: Any) -> tuple[str, ...] | None:
    """Local names from below the response element down to this one; None above it.

    A v8 Property or pair counts by its name, the Value inside it does not count.
    """
    line = [element, *element.iterancestors()]
    if len(line) < 4:
        return None
    names = []
    for node in reversed(line[:-3]):
        if node.tag in NAMED:
            names.append(name_of(node))
        elif node.tag != VALUE or node.getparent().tag not in NAMED:
            names.append(local(node))
    return tuple(names)


def named(element: Any) -> dict[str, Any]:
    """An element's children by name, a v8 Property or pair standing for its value."""
    return {
        (name_of(child) if child.tag in NAMED else local(child)): (
            next(iter(children_of(child)[::-1]), child) if child.tag in NAMED else child
        )
        for child in ([] if is_nil(element) else children_of(element))
    }


def forget(element: Any) -> None:
    """Free a read row and its elder twins; the element itself is still the parser's."""
    element.clear(keep_tail=True)
    parent, elder = element.getparent(), element.getprevious()
    while elder is not None and elder.tag == element.tag:
        parent.remove(elder)
        elder = element.getprevious()
