"""Companies: one per INN and KPP, whoever tells of them."""

from __future__ import annotations

from typing import Any

from hub.store.models import bindings, companies, contacts
from tests.support.hub import Hub, lead

MAPPED: dict[str, Any] = {
    "lead": {
        "external_id": "id",
        "fields": {"title": "subject"},
        "contact": {"phone": {"from": "phone", "as": "phone"}},
        "company": {
            "external_id": "firm.code",
            "name": "firm.name",
            "inn": "firm.inn",
            "kpp": "firm.kpp",
        },
    }
}
ACME = {"name": "ООО Ромашка", "inn": "7707083893", "kpp": "770701001"}


def tell(hub: Hub, number: int, **firm: Any) -> None:
    """A lead that names its company comes in and is worked off."""
    hub.post("site", lead(number, firm=firm))
    hub.drain()


def test_a_record_brings_its_company_and_the_contact_its_name(hub: Hub) -> None:
    hub.site(mappings=MAPPED)
    tell(hub, 1, code="F-1", **ACME)
    company = hub.one(companies)
    assert (company["name"], company["inn"], company["kpp"]) == tuple(ACME.values())
    assert "ромашка" in company["search_text"]
    assert hub.one(contacts)["company_name"] == "ООО Ромашка"


def test_two_sources_of_one_inn_and_kpp_share_a_company(hub: Hub) -> None:
    hub.site(mappings=MAPPED)
    tell(hub, 1, code="F-1", **ACME)
    tell(hub, 2, code="F-2", **ACME)
    tell(hub, 3, **ACME)
    company = hub.one(companies)
    bound = {row["external_id"] for row in hub.rows(bindings) if row["entity"] == "company"}
    assert bound == {"F-1", "F-2"}
    assert company["external_id"] == "F-1"


def test_branches_of_one_inn_stay_apart(hub: Hub) -> None:
    hub.site(mappings=MAPPED)
    tell(hub, 1, code="F-1", **ACME)
    tell(hub, 2, code="F-2", **{**ACME, "kpp": "780102001"})
    assert {row["kpp"] for row in hub.rows(companies)} == {"770701001", "780102001"}
    tell(hub, 3, name="ООО Ромашка", inn=ACME["inn"])
    # Which branch is not said: a guess would be wrong half the time.
    assert len(hub.rows(companies)) == 3
    tell(hub, 4, name="ООО Ромашка", inn=ACME["inn"])
    assert len(hub.rows(companies)) == 3, "the one without a KPP is known now"


def test_an_inn_alone_finds_the_only_company_that_has_it(hub: Hub) -> None:
    hub.site(mappings=MAPPED)
    tell(hub, 1, code="F-1", **ACME)
    tell(hub, 2, name="Ромашка", inn=ACME["inn"])
    assert hub.one(companies)["kpp"] == ACME["kpp"]


def test_a_nameless_company_without_inn_and_code_is_nobody(hub: Hub) -> None:
    hub.site(mappings=MAPPED)
    tell(hub, 1, name="Какая-то фирма")
    assert not hub.rows(companies)
