"""What a row of stock does not say of its product is taken from the product's own record.

Some sources split a product's words, its prices and its stock into files: a file of stock alone
must not empty the article, the name and the price that another one told.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

#: Staged column → the product's column; a blank is empty text or no value.
_TEXTS: Final = {"sku": "sku", "product_name": "name", "variant": "variant"}
_VALUES: Final = {"price": "price", "currency": "currency", "unit": "unit"}
_OF_PRODUCT: Final = (
    "FROM bindings b JOIN products p ON p.id = b.record_id"
    " WHERE b.connection_id = :connection_id AND b.entity = 'product' AND b.external_id ="
    " CASE WHEN stock_incoming.variant_external_id = '' THEN stock_incoming.product_external_id"
    " ELSE stock_incoming.product_external_id || '#' || stock_incoming.variant_external_id END"
)


def fill_blanks(db: Connection, connection_id: int) -> None:
    """Complete the staged rows that name a product and lack its words or price."""
    sets = [
        f"{column} = CASE WHEN {column} = '' THEN coalesce((SELECT p.{name} {_OF_PRODUCT}), '')"
        f" ELSE {column} END"
        for column, name in _TEXTS.items()
    ]
    sets += [
        f"{column} = coalesce({column}, (SELECT p.{name} {_OF_PRODUCT}))"
        for column, name in _VALUES.items()
    ]
    # Lower case beyond ASCII is not SQLite's: the record has its words so already.
    sets.append(
        "search_text = CASE WHEN sku = '' OR product_name = ''"
        f" THEN coalesce((SELECT p.search_text {_OF_PRODUCT}), search_text) ELSE search_text END"
    )
    blank = " OR ".join(["sku = ''", "product_name = ''", "price IS NULL"])
    db.execute(
        text(
            f"UPDATE stock_incoming SET {', '.join(sets)}"  # noqa: S608  # our names
            f" WHERE product_external_id <> '' AND ({blank})"
        ),
        {"connection_id": connection_id},
    )
