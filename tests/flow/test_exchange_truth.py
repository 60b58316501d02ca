"""An exchange's stock as the store keeps it: whole sets, characteristics, words that stay."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.onec_commerceml.emulator import files_of
from hub.store.models import stock_levels
from hub.store.store import Store
from tests.support.exchange import Site, amount, guid, offers_file, site_of

MAIN, SHOP = "Основной склад", "Магазин на Садовой"


@pytest.fixture
def site(store: Store) -> Iterator[Site]:
    """On SQLite and on PostgreSQL, with a worker."""
    with site_of(store) as opened:
        yield opened


def test_a_warehouse_that_is_not_listed_is_empty(site: Site) -> None:
    site.onec.exchange(site.url)
    assert site.levels()[("БЗ-100", "42", MAIN)] == 4
    site.onec.send_catalog(site.url, files_of("ut-changes"))
    told = {
        (row["variant_external_id"][-2:], row["warehouse"]): row["quantity"]
        for row in site.hub.rows(stock_levels)
        if row["quantity"]
    }
    assert told == {
        ("42", SHOP): 1,
        ("", MAIN): Decimal(10),
        # Sold before it came in: it is shown as it is.
        ("", SHOP): Decimal("-0.5"),
    }


def test_what_fell_to_nothing_everywhere_is_nowhere(site: Site) -> None:
    full = {"a": amount("7", w1="4", w2="3"), "b": amount("5", w1="5")}
    site.onec.send_catalog(site.url, [("offers0_1.xml", offers_file(full))])
    site.onec.send_catalog(site.url, [("offers0_2.xml", offers_file({"a": amount("0")}))])
    left = {row["item_key"]: row["quantity"] for row in site.hub.rows(stock_levels)
            if row["quantity"]}  # fmt: skip
    assert left == {guid("b"): 5}


def test_characteristics_without_words_are_levels_of_their_own(site: Site) -> None:
    rows = {
        f"item#{char}": amount(quantity, w1=quantity) for char, quantity in (("x", "1"), ("y", "2"))
    }
    body = offers_file(rows)
    for char in ("x", "y"):
        whole = f"{guid('item')}#{guid(char)}".encode()
        body = body.replace(guid(f"item#{char}").encode(), whole)
    site.onec.send_catalog(site.url, [("rests0_1.xml", body)])
    found = {row["variant_external_id"]: row["quantity"] for row in site.hub.rows(stock_levels)}
    assert found == {guid("x"): 1, guid("y"): 2}


def test_a_file_of_rests_leaves_article_name_and_price_as_they_were(site: Site) -> None:
    site.onec.exchange(site.url)
    rests = (
        offers_file({"x": amount("1", w1="1")})
        .replace(guid("x").encode(), b"5e1f0000-000c-4d00-8d00-00000000000c")
        .replace(guid("w1").encode(), b"b6a1c0de-0001-4a00-8a00-000000000001")
    )
    site.onec.send_catalog(site.url, [("rests0_1.xml", rests)])
    (level,) = [
        row
        for row in site.hub.rows(stock_levels)
        if row["item_key"].endswith("0c") and row["quantity"]
    ]
    assert (level["quantity"], level["sku"], level["product_name"], level["price"]) == (
        1,
        "КР-7",
        "Крем для обуви",
        Decimal("1271.5"),
    )


def test_files_of_one_kind_each_make_whole_levels(site: Site) -> None:
    """The Bitrix module's: words, prices and stock come apart."""
    site.onec.dialect = "bitrix"
    site.onec.exchange(site.url)
    boots = [row for row in site.hub.rows(stock_levels) if row["quantity"]]
    assert {(row["sku"], row["variant"], row["price"]) for row in boots} == {
        ("БЗ-100", "42", Decimal("5990"))
    }
    assert all(row["product_id"] for row in site.hub.rows(stock_levels))
    assert all("бз-100" in row["search_text"] for row in boots)
