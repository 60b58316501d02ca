"""The elements of an XML reply of 1C as each of them ends, while its bytes still come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from lxml import etree

from connectors._protocols import odata_errors
from hub.sdk.errors import PayloadError
from hub.sdk.xml import has_doctype, pull_parser


def local(tag: Any) -> str:
    """A name without its namespace; a hostile one is only a name that nothing is looked for by."""
    return str(tag).rpartition("}")[2]


def ended(
    chunks: Iterable[bytes], names: Collection[str], instead: str
) -> Iterator[tuple[Any, Any]]:
    """Every element with its root, when its end is read; whoever takes it frees it.

    PayloadError for a DOCTYPE, or for a root of none of these names `instead` of what is wanted.
    RetryLater for a reply that is cut off.
    """
    parser = pull_parser("start", "end", huge_tree=True)
    root: Any = None
    is_closed = False
    try:
        for chunk in chunks:
            parser.feed(chunk)
            for event, element in parser.read_events():
                if root is None:
                    root = element
                    if has_doctype(root):
                        raise PayloadError("XML с DOCTYPE не принимается")
                    if local(root.tag) not in names:
                        raise PayloadError(f"вместо {instead} пришёл XML <{local(root.tag)}>")
                if event == "end":
                    is_closed = is_closed or element is root
                    yield element, root
    except etree.XMLSyntaxError as error:
        # Cut in its middle or spoilt on the way: the parser tells either at a place of its own.
        raise odata_errors.cut(str(error)) from error
    if not is_closed:
        raise odata_errors.cut()
