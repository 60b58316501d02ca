"""Names behind references: goods, characteristics, warehouses. Kept between runs, renewed by time.

A stock poll runs every few minutes; reading a catalogue of 100,000 names each time would load the
base for nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from connectors._protocols import odata_pages, odata_values
from connectors._protocols.odata_base import Base
from connectors._protocols.odata_shelf import Kept, Shelf

NAME: Final = "names.sqlite"
KEPT_SECONDS: Final = 6 * 3600.0
#: A product that no catalogue names must not make every run read them all.
AS_THEY_ARE_SECONDS: Final = 1800.0


def warm_names(base: Base, shelf: Shelf) -> Kept:
    """The names, young and with all the shelf's products; none when they are switched off."""
    folder = base.connection.cache_dir
    if base.stream("stock").get("names") is False:
        return Kept("", "")
    path = Path(folder or shelf.path.parent) / NAME
    kept = Kept(str(path.parent), NAME) if folder else Kept("", "")
    age = time.time() - path.stat().st_mtime if kept else KEPT_SECONDS
    known = age < AS_THEY_ARE_SECONDS or all(kept.name("product", key) for key in _products(shelf))
    if age < KEPT_SECONDS and known:
        return kept
    kept.close()
    draft = f"{shelf.path.name}.names"
    with Shelf(str(path.parent), draft) as made:
        learn_names(base, made)
        made.seal()
    if folder:
        os.replace(path.with_name(draft), path)
        return Kept(str(path.parent), NAME)
    found = Kept(str(path.parent), draft)
    path.with_name(draft).unlink()  # open, so it lives as long as it is read
    return found


def learn_names(base: Base, shelf: Shelf) -> None:
    """Read the catalogues of names; what is not published stays without names."""
    warehouses = base.metadata.first(base.common("warehouses"))
    for kind, name in (
        ("warehouse", warehouses),
        ("variant", base.common("variants")),
        ("product", base.common("products")),
    ):
        if name in base.metadata:
            for row in _catalogue(base, name):
                _learn(shelf, kind, row)


def _learn(shelf: Shelf, kind: str, row: dict[str, Any]) -> None:
    key = odata_values.ref(row.get("Ref_Key"))
    shelf.learn(kind, [(key, odata_values.words(row.get("Description")) or key)])
    if sku := odata_values.words(row.get("Артикул")):
        shelf.learn("sku", [(key, sku)])


def _catalogue(base: Base, name: str) -> Iterator[dict[str, Any]]:
    fields = base.metadata.chosen(name, ("Description", "Артикул"))
    for page in odata_pages.pages(base.wire, name, base.metadata.keys(name), fields):
        yield from page


def _products(shelf: Shelf) -> Iterator[str]:
    last = ""
    for product, *_ in shelf.sums():
        if product != last:
            yield product
        last = product
