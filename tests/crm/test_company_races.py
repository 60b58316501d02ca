"""A new company told of in several connections at once is made once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import update

from hub.store.models import bindings, companies, company_claims, events
from hub.store.store import Store
from hub.store.working_set import WorkingSet
from tests.crm.test_companies import ACME, MAPPED
from tests.support.hub import Hub, lead

SITES = ("one", "two", "three")
OTHER_KPP = "780102001"


@pytest.fixture
def sites(hub: Hub) -> list[Hub]:
    """Three connections, each worked on by a process of its own (a store opened anew)."""
    for name in SITES:
        hub.site(name, mappings=MAPPED)
    return [Hub(Store.open(hub.store.settings)) for _ in SITES]


def drain_at_once(hub: Hub, sites: list[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    """Drain every site; on PostgreSQL nobody writes before all have looked."""
    gate, looked = threading.Barrier(len(SITES)), set[int]()
    real = WorkingSet.flush

    def flush(ws: WorkingSet) -> None:
        if threading.get_ident() not in looked:
            looked.add(threading.get_ident())
            gate.wait(20)
        real(ws)

    with monkeypatch.context() as patch, ThreadPoolExecutor(len(SITES)) as pool:
        # SQLite has one writer: there the three can only queue.
        if not hub.store.database.is_sqlite:
            patch.setattr(WorkingSet, "flush", flush)
        list(pool.map(lambda place: sites[place].drain(SITES[place]), range(len(SITES))))
    waiting = hub.rows(events, status="waiting")
    assert not waiting, waiting[0]["error_message"]


def post(hub: Hub, site: str, /, **firm: Any) -> None:
    """A lead of the site's own person and a firm, with an external id that only it uses."""
    hub.post(site, lead(SITES.index(site), firm={"code": f"F-{site}", **firm}))


def test_one_new_company_in_three_connections_at_once(
    hub: Hub, sites: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SITES:
        post(hub, name, **ACME)
    drain_at_once(hub, sites, monkeypatch)
    company = hub.one(companies)
    bound = hub.rows(bindings, entity="company")
    assert {row["record_id"] for row in bound} == {company["id"]}
    assert {row["external_id"] for row in bound} == {f"F-{name}" for name in SITES}


def test_an_inn_with_a_kpp_and_without_one_at_once_is_one_company(
    hub: Hub, sites: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    post(hub, "one", **ACME)
    post(hub, "two", name="Ромашка", inn=ACME["inn"])
    post(hub, "three", name="Ромашка", inn=ACME["inn"])
    drain_at_once(hub, sites, monkeypatch)
    assert hub.one(companies)["kpp"] == ACME["kpp"]


def test_two_branches_at_once_are_two_companies(
    hub: Hub, sites: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    post(hub, "one", **ACME)
    post(hub, "two", **{**ACME, "kpp": OTHER_KPP})
    post(hub, "three", **{**ACME, "kpp": OTHER_KPP})
    drain_at_once(hub, sites, monkeypatch)
    assert {row["kpp"] for row in hub.rows(companies)} == {ACME["kpp"], OTHER_KPP}
    assert len(hub.rows(companies)) == 2


def test_a_company_that_was_given_another_inn_keeps_nobody_from_the_old_one(hub: Hub) -> None:
    hub.site("one", mappings=MAPPED)
    post(hub, "one", **ACME)
    hub.drain("one")
    with hub.store.database.write() as db:
        db.execute(update(companies).values(inn="7728168971"))
    hub.site("two", mappings=MAPPED)
    post(hub, "two", **ACME)
    hub.drain("two")
    assert hub.statuses() == {"done": 2}
    assert {row["inn"] for row in hub.rows(companies)} == {"7728168971", ACME["inn"]}
    claims = {row["company_id"] for row in hub.rows(company_claims, inn=ACME["inn"])}
    assert claims == {row["id"] for row in hub.rows(companies, inn=ACME["inn"])}
