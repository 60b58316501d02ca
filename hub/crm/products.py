"""Which product is this? By its id in a space of ids, else by barcode or article where asked for.

See decisions/0025.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import exists, select

from hub.store import product_links
from hub.store.connections import Configured
from hub.store.models import bindings, products
from hub.store.record_reader import BindingKey
from hub.store.working_set import WorkingSet

#: What may name a product beside its id, the surest first.
MATCHED = ("barcode", "sku")
#: Pairs listed for one new product.
MAX_SUSPECTS = 5
Value = tuple[str, str]


def values_of(fields: Mapping[str, Any]) -> list[Value]:
    """The barcode and the article of a product, as far as it has them."""
    return [(name, str(fields[name])) for name in MATCHED if fields.get(name)]


class Products:
    """Finds the products that one batch of one connection tells of."""

    def __init__(self, ws: WorkingSet, configured: Configured) -> None:
        self._ws, self._configured = ws, configured
        #: Products with a value, as stored, and as made or changed in this batch.
        self._stored: dict[Value, set[int]] = {}
        self._made: dict[Value, set[int]] = defaultdict(set)
        #: Products that this space of ids knows already, among those looked at.
        self._own: set[int] = set()
        self._suspects: list[tuple[int, int, str]] = []
        self._bound: dict[str, int] = {}

    def prepare(self, found: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Ask the store once for what a batch (external id, fields) will look up."""
        kin = self._configured.kin
        keys: list[BindingKey] = [(one, "product", key) for one in kin for key, _ in found if key]
        self._ws.preload(keys, [])
        if self._configured.matchers:
            new = [fields for key, fields in found if self._known(key) is None]
            self._load(value for fields in new for value in values_of(fields))

    def find(self, key: str, fields: Mapping[str, Any]) -> int | None:
        """The stored product with this external id, or the one it surely is; None when new."""
        known = self._known(key)
        if known is not None or not self._configured.matchers:
            return known
        for value in values_of(fields):
            same = self._candidates(value, fields)
            if not same:
                continue
            (one, *others) = sorted(same)
            if not others and one not in self._own:
                self._own.add(one)
                return one
            self._suspects += [(0, other, value[0]) for other in sorted(same)[:MAX_SUSPECTS]]
            break
        return None

    def note(self, key: str, record_id: int, fields: Mapping[str, Any], *, is_new: bool) -> None:
        """Remember what this batch made of a product; to call before its id is bound."""
        self._own.add(record_id)
        if self._ws.bound(self._configured.id, "product", key) is None:
            self._bound[key] = record_id
        for value in values_of(fields):
            self._made[value].add(record_id)
        pairs = [pair for pair in self._suspects if pair[0] == 0]
        self._suspects = [pair for pair in self._suspects if pair[0]]
        if is_new:
            self._suspects += [(record_id, other, reason) for _, other, reason in pairs]

    def is_shared(self, record_id: int) -> bool:
        """Whether other connections know the product too."""
        query = select(
            exists().where(
                bindings.c.entity == "product",
                bindings.c.record_id == record_id,
                bindings.c.connection_id != self._configured.id,
            )
        )
        return bool(self._ws.connection.scalar(query))

    def finish(self) -> None:
        """List the possible pairs; stock of products that are known only now learns of them."""
        ws, configured = self._ws, self._configured
        there = [pair for pair in self._suspects if self._row(pair[0]) is not None]
        if there:
            product_links.suspect(ws.connection, there, ws.now)
        if self._bound:
            links = [
                (key, record_id, ws.row("product", record_id))
                for key, record_id in self._bound.items()
                # What a failing event had bound is undone.
                if ws.bound(configured.id, "product", key) == record_id
            ]
            ids = (configured.id, *configured.kin)
            product_links.link(ws.connection, ids, links, ws.now)

    def _known(self, key: str) -> int | None:
        for connection_id in (self._configured.id, *self._configured.kin):
            found = self._ws.bound(connection_id, "product", key)
            if found is not None:
                return found
        return None

    def _candidates(self, value: Value, fields: Mapping[str, Any]) -> set[int]:
        """Products with this value, of those alike in being a variant; only such as either side
        asks to be matched with."""
        if value not in self._stored:
            self._load([value])
        asks = self._configured.matchers
        mine = self._configured.id in asks
        # Two ids of one space are two products, whatever they have in common.
        space = {self._configured.id, *self._configured.kin}
        found: dict[bool, set[int]] = {True: set(), False: set()}
        for record_id in self._stored[value] | self._made[value]:
            row = self._row(record_id)
            if row is None or row["merged_into_id"] or row[value[0]] != value[1]:
                continue
            if row["connection_id"] not in space and (mine or row["connection_id"] in asks):
                found[_is_variant(row)].add(record_id)
        alike = _is_variant(fields)
        return found[alike] or found[not alike]

    def _row(self, record_id: int) -> Mapping[str, Any] | None:
        try:
            return self._ws.row("product", record_id)
        except KeyError:  # made by an event that failed and was undone
            return None

    def _load(self, values: Iterable[Value]) -> None:
        grouped: dict[str, list[str]] = defaultdict(list)
        for name, text in dict.fromkeys(values):
            if (name, text) not in self._stored:
                self._stored[(name, text)] = set()
                grouped[name].append(text)
        ids: set[int] = set()
        for name, texts in grouped.items():
            query = select(products.c.id, products.c[name]).where(
                products.c[name].in_(texts),
                products.c.merged_into_id.is_(None),
                products.c.deleted_at.is_(None),
            )
            for record_id, text in self._ws.connection.execute(query):
                self._stored[(name, text)].add(record_id)
                ids.add(record_id)
        if ids:
            self._ws.preload_rows("product", ids)
            query = select(bindings.c.record_id).where(
                bindings.c.entity == "product",
                bindings.c.record_id.in_(ids),
                bindings.c.connection_id.in_((self._configured.id, *self._configured.kin)),
            )
            self._own.update(self._ws.connection.scalars(query))


def _is_variant(fields: Mapping[str, Any]) -> bool:
    return bool(fields.get("variant_external_id") or fields.get("parent_external_id"))
