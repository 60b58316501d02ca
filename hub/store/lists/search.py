"""Which records contain what a person typed, by an index and never by reading a big table.

Trigrams (hub/store/search_index) name the records that contain the words. Few of them: the list
is of these ids. Many of them: the list is walked in its own order and each row looked at, which
soon fills a page, as such rows are many. What has no text of its own is found by its contact, by
its number's index, and by its words among the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    column,
    exists,
    func,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy import table as lightweight
from sqlalchemy import text as sql

from hub.store.lists.among import among, id_among, together
from hub.store.lists.paging import like, spellings
from hub.store.lists.query import TRIGRAM, Word, words_of
from hub.store.models import companies, contacts, metadata, products, stock_levels
from hub.store.search_index import is_indexed, shadow

#: What a list is sorted by: the columns, and whether from the last to the first.
Place = tuple[Sequence[ColumnElement[Any]], bool]
#: From so many on, records are not listed by id: walking the list finds a page sooner.
MANY = 3000
#: So many are still sorted sooner than a list is walked, where only its beginning is wanted.
LOTS = 20_000
#: How many of the newest records are read for words that no index knows.
WINDOW = 5000
#: How many records a number, or its beginning, may name.
FEW = 500
#: Sorts after whatever a number goes on with.
LAST = "\uffff"
#: The table whose `search_text` an entity is found by.
TEXTS = {"contact": contacts, "company": companies, "product": products}
#: Columns of the entities without a text of their own; their newest records are looked through.
OWN = {
    "lead": ("title", "campaign"),
    "deal": ("title",),
    "order": ("number", "erp_number"),
    "call": ("from_number", "to_number", "line_number"),
    "message": ("subject", "from_address"),
    "task": ("title",),
}
#: Columns with an index of their own: found whole, however old.
NUMBERS = {
    "order": ("number", "erp_number"),
    "product": ("sku", "barcode"),
    "company": ("inn",),
    "contact": ("inn",),
}


def condition(db: Connection, entity: str, table: Table, q: str) -> ColumnElement[bool] | None:
    """What rows of a list must fulfil to contain every word; None when nothing was typed."""
    words = words_of(q)
    if not words:
        return None
    if entity == "stock":
        return _stock(db, words)
    if entity in TEXTS:
        ids = matching_ids(db, entity, words, q)
        return contains(db, table, words) if ids is None else id_among(db, table, ids)
    return _of_contact(db, entity, table, words, q)


def first_condition(
    db: Connection, query: Select[Any], table: Table, q: str, place: Place, limit: int
) -> ColumnElement[bool] | None:
    """The same for any table with `id` and an indexed `search_text`, where only the first `limit`
    rows of a query in the order of `place` are wanted: others need not be among the found."""
    words = words_of(q)
    if not words:
        return None
    if db.dialect.name == "sqlite" or all(word.is_short for word in words):
        ids = _by_text(db, table, words)
    else:
        ids = _first(db, query.where(*_like(table, words)), table, place, limit)
    return contains(db, table, words) if ids is None else id_among(db, table, ids)


def _first(
    db: Connection, query: Select[Any], table: Table, place: Place, limit: int
) -> list[int] | None:
    """Ids of a query's first rows; None: it has too many to sort them.

    Walking the list in its order reads rows all over the table until enough have the words, by the
    ten thousand when they stand far from its beginning: the rows of the index are sorted sooner."""
    columns, down = place
    keys = [column.label(f"key{number}") for number, column in enumerate(columns)]
    rows = query.with_only_columns(table.c.id, *keys).limit(LOTS + 1).cte("rows")
    order = [rows.c[key.name].desc() if down else rows.c[key.name] for key in keys]
    first = select(rows.c.id).order_by(*order).limit(limit).subquery("first")
    how_many = select(func.count()).select_from(rows).scalar_subquery()
    ids, count = db.execute(select(func.array_agg(first.c.id), how_many)).one()
    return list(ids or ()) if count <= LOTS else None


def matching_ids(
    db: Connection, entity: str, words: Sequence[Word], q: str = ""
) -> list[int] | None:
    """Ids of contacts, companies or products with these words; None: too many to list."""
    table = TEXTS[entity]
    ids = _by_text(db, table, words)
    if ids is None:
        return None
    return list(dict.fromkeys([*ids, *_by_number(db, entity, table, q)]))


def contains(db: Connection, table: FromClause, words: Iterable[Word]) -> ColumnElement[bool]:
    """That a row's text contains every word; asked row by row, by no index."""
    look = func.instr if db.dialect.name == "sqlite" else func.strpos
    return and_(
        *(
            or_(*(look(table.c.search_text, spelling) > 0 for spelling in word.spellings))
            for word in words
        )
    )


def _by_text(db: Connection, table: Table, words: Sequence[Word]) -> list[int] | None:
    long = [word for word in words if not word.is_short]
    if not long:
        return together(db, _in_window(db, table, words))
    found = together(db, _candidates(db, table, words, long).limit(MANY + 1))
    return found if len(found) <= MANY else None


def _candidates(
    db: Connection, table: Table, words: Sequence[Word], long: Sequence[Word]
) -> Select[Any]:
    """The rows with the words, in no order, by the index where there is one."""
    if db.dialect.name != "sqlite":
        return select(table.c.id).where(*_like(table, words))
    query = select(table.c.id).where(contains(db, table, words))
    if not is_indexed(db, table.name):
        return query
    # A join, no IN: rows come one by one, a limit ends the search however many have the words.
    fts = lightweight(shadow(table.name), column("rowid"))
    match = sql(f"{fts.name} MATCH :trigrams").bindparams(trigrams=_expression(long))
    return query.select_from(fts.join(table, fts.c.rowid == table.c.id)).where(match)


def _like(table: Table, words: Iterable[Word]) -> list[ColumnElement[bool]]:
    text = table.c.search_text
    return [or_(*(text.like(like(one), escape="\\") for one in word.spellings)) for word in words]


def _expression(words: Iterable[Word]) -> str:
    """FTS5's question: every trigram of some spelling, for each word."""
    return " AND ".join(
        "(" + " OR ".join(f"({_trigrams(text)})" for text in word.spellings) + ")" for word in words
    )


def _trigrams(text: str) -> str:
    pieces = dict.fromkeys(
        text[start : start + TRIGRAM] for start in range(len(text) - TRIGRAM + 1)
    )
    return " AND ".join('"' + piece.replace('"', '""') + '"' for piece in pieces)


def _in_window(db: Connection, table: Table, words: Sequence[Word]) -> Select[Any]:
    newest = select(table.c.id, table.c.search_text)
    if "last_activity_at" in table.c:
        moment = table.c.last_activity_at
        newest = newest.where(moment.is_not(None)).order_by(moment.desc(), table.c.id.desc())
    else:
        newest = newest.order_by(table.c.id.desc())
    rows = newest.limit(WINDOW).subquery("newest")
    return select(rows.c.id).where(contains(db, rows, words))


def _by_number(db: Connection, entity: str, table: Table, q: str) -> list[int]:
    typed = spellings(q.strip().lstrip("№#").strip())
    if not typed[0]:
        return []
    columns = [table.c[name] for name in NUMBERS.get(entity, ())]
    ways = [select(table.c.id).where(column.in_(typed)) for column in columns]
    if len(typed[0]) >= TRIGRAM:
        # The beginning of a number, as it is being typed.
        ways += [
            select(table.c.id).where(column >= text, column < text + LAST)
            for column in columns
            for text in dict.fromkeys((typed[0], typed[0].upper()))
        ]
    return list(db.scalars(union_all(*ways).limit(FEW))) if ways else []


def _of_contact(
    db: Connection, entity: str, table: Table, words: Sequence[Word], q: str
) -> ColumnElement[bool]:
    own = [*_by_number(db, entity, table, q), *_by_own_words(db, entity, table, words)]
    people = matching_ids(db, "contact", words)
    # «+ 0»: the list is walked in its order, not the contacts one by one.
    owner = table.c.contact_id + 0
    if people is None:
        person = contacts.alias("person")
        theirs: ColumnElement[bool] = exists().where(
            person.c.id == owner, contains(db, person, words)
        )
        return or_(theirs, id_among(db, table, own)) if own else theirs
    if not people:
        return id_among(db, table, own)
    query = select(table.c.id).where(among(db, table.c.contact_id, people)).limit(MANY + 1)
    found = list(db.scalars(query))
    if len(found) > MANY:
        theirs = among(db, owner, people)
        return or_(theirs, id_among(db, table, own)) if own else theirs
    return id_among(db, table, list(dict.fromkeys([*found, *own])))


def _by_own_words(db: Connection, entity: str, table: Table, words: Sequence[Word]) -> list[int]:
    columns = [table.c[name] for name in OWN[entity]]
    newest = select(table.c.id, *columns).order_by(table.c.id.desc()).limit(WINDOW)
    rows = newest.subquery("newest")
    wanted = [
        or_(
            *(
                rows.c[column.name].ilike(like(written), escape="\\")
                for column in columns
                for spelling in word.spellings
                for written in spellings(spelling)
            )
        )
        for word in words
    ]
    return list(db.scalars(select(rows.c.id).where(*wanted).limit(MANY)))


def _stock(db: Connection, words: Sequence[Word]) -> ColumnElement[bool]:
    """Levels by their item's words and by their product's: one row an item, not a warehouse."""
    levels, items = stock_levels.c, metadata.tables.get("stock_items")
    walked = contains(db, stock_levels, words)
    found = _by_text(db, items, words) if items is not None else None
    goods = matching_ids(db, "product", words)
    if found is None or goods is None or items is None:
        return walked
    keys = select(items.c.connection_id, items.c.item_key, items.c.variant_key)
    known = select(items.c.product_id).where(among(db, items.c.id, found))
    ways = [
        select(levels.id).where(
            tuple_(levels.connection_id, levels.item_key, levels.variant_key).in_(
                keys.where(among(db, items.c.id, found))
            )
        ),
        select(levels.id).where(levels.product_id.in_(known)),
        # By barcode, which levels do not have.
        select(levels.id).where(among(db, levels.product_id, goods)),
    ]
    ids = list(dict.fromkeys(db.scalars(union_all(*ways).limit(MANY + 1))))
    return id_among(db, stock_levels, ids) if len(ids) <= MANY else walked
