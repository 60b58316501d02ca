"""Which companies a manager sees where the hub narrows what managers see."""

from __future__ import annotations

import re

from hub.store.lists import firms
from hub.store.lists.record_filters import RecordFilters
from hub.store.lists.records import list_records
from hub.store.store import Store
from tests.store.test_history_plans import SCAN, plans
from tests.support.people import ALICE, VERA
from tests.support.rows import Rows

#: The page's own order, and a company that is asked for by its id.
COMPANIES = re.compile(r"SCAN companies USING INDEX|SEARCH companies")


def seen(store: Store, email: str) -> list[str]:
    filters = RecordFilters(seen_by=email)
    page = list_records(store.database, "company", filters, order="name")
    for row in list_records(store.database, "company", order="name").items:
        assert firms.is_seen_by(store.database, row["id"], email) == (row in page.items)
    return [row["name"] for row in page.items]


def test_a_company_is_seen_by_whom_it_or_its_people_belong_to(store: Store, rows: Rows) -> None:
    alice, vera = ALICE.email, VERA.email
    rows.record("company", name="А своя", manager=vera)
    rows.record("company", name="Б по ИНН", inn="7701234567", manager=alice)
    rows.record("contact", inn="7701234567", manager=vera)
    rows.record("company", name="В по имени", legal_name="ООО «В»", manager=alice)
    rows.record("contact", company_name="ООО «В»", manager=vera)
    rows.record("company", name="Г ничья", inn="", manager="")
    rows.record("contact", inn="", manager=alice)
    rows.record("company", name="Д чужая", manager=alice)
    rows.record("company", name="Е чужих людей")
    rows.record("contact", company_name="Е чужих людей", manager=alice)
    merged = rows.record("contact", company_name="Д чужая", manager=alice)
    rows.record("contact", company_name="Д чужая", manager=vera, merged_into_id=merged)
    assert seen(store, vera) == ["А своя", "Б по ИНН", "В по имени", "Г ничья"]
    assert seen(store, alice)[:2] == ["Б по ИНН", "В по имени"]
    assert len(seen(store, alice)) == 5


def test_no_look_at_companies_walks_through_clients(sqlite_store: Store) -> None:
    with plans(sqlite_store) as found:
        filters = RecordFilters(seen_by=VERA.email)
        list_records(sqlite_store.database, "company", filters, order="name")
        firms.is_seen_by(sqlite_store.database, 1, VERA.email)
    looks = [line for _, plan in found for line in plan if "contacts" in line]
    assert any("ix_contacts_company" in line for line in looks)
    assert any("ix_contacts_inn" in line for line in looks)
    assert not any("ix_contacts_manager" in line for line in looks)
    for statement, plan in found:
        walks = [line for line in plan if SCAN.search(line) and not COMPANIES.search(line)]
        assert not walks, statement
