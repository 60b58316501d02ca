"""Untrusted XML into plain values: no entity, no DTD, no network, limits on depth and size.

Raises PayloadError with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

from hub.sdk.errors import PayloadError
from hub.sdk.payload import MAX_DEPTH, clean_text, refuse_many

#: What makes a parser of lxml safe for what others send, whatever kind of parser it is.
SAFE: Final[Mapping[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
}


def xml_parser() -> etree.XMLParser:
    """A parser that resolves no entity, loads no DTD and stays off the network."""
    return etree.XMLParser(**SAFE, recover=False)


def pull_parser(*events: str, **options: Any) -> Any:
    """A parser fed piece by piece that tells of these events (`start`, `end`), as safe as
    `xml_parser`. `options` are lxml's own and may replace it: `huge_tree` where a reply is long."""
    return etree.XMLPullParser(**{**SAFE, "events": events, **options})


def free(element: Any) -> None:
    """Let go of an element that is used up, and of all before it: memory must not grow."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def has_doctype(root: Any) -> bool:
    """Whether the document of this element brought a DOCTYPE."""
    return root.getroottree().docinfo.internalDTD is not None


def load_xml(body: bytes) -> dict[str, Any]:
    """Parse XML into {root name: value}; attributes become `@name`, text beside them `#text`.

    Local names only. A repeated element becomes a list. A DOCTYPE is refused.
    """
    if re.search(rb"<!DOCTYPE|<!ENTITY", body[:4096], re.IGNORECASE):
        raise PayloadError("XML with a DOCTYPE is not accepted")
    refuse_many(body, b"<")
    try:
        root = etree.fromstring(body, xml_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise PayloadError(f"the body is not XML: {error}") from error
    if has_doctype(root):
        raise PayloadError("XML with a DOCTYPE is not accepted")
    return {etree.QName(root).localname: xml_value(root)}


def xml_value(element: Any, depth: int = 0) -> Any:
    """One element as text, None (xsi:nil) or a dictionary of its children."""
    if depth >= MAX_DEPTH:
        raise PayloadError(f"XML is nested deeper than {MAX_DEPTH} levels")
    attributes = {etree.QName(name).localname: value for name, value in element.attrib.items()}
    if attributes.get("nil") in {"true", "1"}:
        return None
    children = [child for child in element if isinstance(child.tag, str)]
    node: dict[str, Any] = {
        f"@{name}": clean_text(value)
        for name, value in attributes.items()
        if name not in {"nil", "type"}
    }
    for child in children:
        name, value = etree.QName(child).localname, xml_value(child, depth + 1)
        if name in node:
            if not isinstance(node[name], list):
                node[name] = [node[name]]
            node[name].append(value)
        else:
            node[name] = value
    text = clean_text((element.text or "").strip())
    if not node:
        return text
    if text:
        node["#text"] = text
    return node
