"""A CommerceML upload as pages of records and stock rows; memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from connectors._protocols.commerceml import (
    Memory,
    chain_of,
    id_of,
    learn,
    product_of,
    text_of,
)
from connectors._protocols.commerceml_archive import Limits, documents
from connectors._protocols.commerceml_documents import is_order, order_of
from connectors._protocols.commerceml_file import (
    Document,
    Elements,
    check_whole,
    local,
)
from connectors._protocols.commerceml_offers import offer_of
from hub.sdk.errors import PayloadError
from hub.sdk.records import Page, SourceRecord

WORDS: Final = frozenset(
    {"Группа", "Справочник", "Свойство", "Склад", "ТипЦены", "ЕдиницаИзмерения"}
)
THINGS: Final = frozenset({"Товар", "Предложение", "Документ", "Контрагент"})
PAGE: Final = 1000


@dataclass(frozen=True)
class Reading:
    """How to read: which kind of price is the price, what the hub's order numbers begin with."""

    price_type: str = ""
    number_prefix: str = ""
    limits: Limits = field(default_factory=Limits)


def pages_of(
    file: BinaryIO, inner: str, cursor: Mapping[str, Any], reading: Reading
) -> Iterator[Page]:
    """Every page of an upload. Nothing is told of a file that is not whole: PayloadError.

    A thing that cannot be read is rejected alone, with its reason.
    """
    memory = Memory(cursor)
    with documents(file, inner, reading.limits) as found:
        for document in found:
            check_whole(document.open())
        for document in found:
            yield from _Pages(memory, reading).read(document)
    yield Page(cursor=memory.cursor)


@dataclass
class _Pages:
    """Gathers what one document tells into pages."""

    memory: Memory
    reading: Reading
    records: list[SourceRecord] = field(default_factory=list)
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    #: The offers on the page: one that comes twice begins another page, for its set is whole.
    offers: set[tuple[str, str]] = field(default_factory=set)

    def read(self, document: Document) -> Iterator[Page]:
        """The pages of a document."""
        found = Elements(document.open(), WORDS | THINGS)
        for element in found:
            name = local(element)
            if name in WORDS:
                if learn(element, self.memory):
                    found.forget(element)
                continue
            if name != "Предложение" and "Документ" in chain_of(element):
                continue  # a part of a document, read with it
            try:
                if name == "Предложение":
                    yield from self._offer(element)
                elif name == "Товар":
                    self._product(element)
                elif name == "Документ":
                    self._order(element)
            except PayloadError as error:
                self.rejected.append((text_of(element, "Ид") or name, error.message))
            found.forget(element)
            if len(self.records) >= PAGE or len(self.offers) >= PAGE or len(self.rejected) >= PAGE:
                yield from self._flush()
        yield from self._flush()

    def _offer(self, element: Any) -> Iterator[Page]:
        offer = offer_of(element, self.memory, self.reading.price_type)
        key = (offer.item, offer.characteristic)
        if key in self.offers:
            yield from self._flush()
        self.offers.add(key)
        self.rows += offer.rows or ()
        if len(offer.product) > 2:
            name = f"{offer.item}#{offer.characteristic}".rstrip("#")
            self.records.append(SourceRecord("product", name, offer.product))

    def _product(self, element: Any) -> None:
        product = product_of(element, self.memory)
        if not product["Ид"]:
            raise PayloadError("у товара нет Ид")
        name = f"{product['Ид']}#{product['ИдХарактеристики']}".rstrip("#")
        self.records.append(SourceRecord("product", name, product))

    def _order(self, element: Any) -> None:
        if not is_order(element):
            return
        order = order_of(element, self.reading.number_prefix)
        if not id_of(order["Ид"]):
            raise PayloadError("у документа нет Ид")
        self.records.append(SourceRecord("order", order["Ид"], order))

    def _flush(self) -> Iterator[Page]:
        cursor = self.memory.cursor
        if self.records or self.rejected:
            entity = self.records[0].entity if self.records else ""
            yield Page(self.records, cursor, self.rejected, entity=entity)
        if self.rows:
            yield Page(cursor=cursor, entity="stock", rows=self.rows, replaces=True)
        self.records, self.rows, self.rejected, self.offers = [], [], [], set()
