"""Finding mappings, laying overlays, and errors that show the place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hub.mapping.check import check_document, check_shipped
from hub.mapping.loader import effective, load_shipped, overlay
from hub.mapping.model import MappingConfigError
from hub.mapping.schema import build_document

ORDER = """\
# What the shop calls an order.
fields:
  number: number
  total: {from: total, as: money}
contact:
  phone: billing.phone
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "order.yml").write_text(ORDER, "utf-8")
    (tmp_path / "shop" / "order.out.yml").write_text("fields: {their_name: name}", "utf-8")
    return tmp_path


def test_shipped_files_are_found_by_name_without_outgoing_ones(root: Path) -> None:
    found = load_shipped("shop", root)
    assert list(found) == ["order"]
    assert found["order"].entity == "order"
    assert [row.target for row in found["order"].fields] == ["number", "total"]


@pytest.mark.parametrize("name", ["nobody", "../shop", "", "."])
def test_an_unknown_connector_ships_nothing(root: Path, name: str) -> None:
    assert load_shipped(name, root) == {}


def test_an_edited_file_is_read_again(root: Path) -> None:
    before = load_shipped("shop", root)["order"]
    path = root / "shop" / "order.yml"
    path.write_text("fields: {number: no}", "utf-8")
    assert load_shipped("shop", root)["order"] != before


def test_a_connections_rows_are_laid_over(root: Path) -> None:
    over = {
        "order": {
            "version": "changed",
            "fields": {"number": "name", "total": None, "comment": {"from": "note"}},
            "contact": {"email": "billing.email"},
        },
        "lead": {"external_id": "id", "fields": {"title": "subject"}},
    }
    found = effective("shop", over, root)
    assert found["order"].as_dict() == {
        "version": "changed",
        "fields": {"number": "name", "comment": {"from": "note"}},
        "contact": {"phone": "billing.phone", "email": "billing.email"},
    }
    assert found["lead"].entity == "lead"
    assert load_shipped("shop", root)["order"].as_dict()["fields"]["number"] == "number"


def test_null_switches_a_section_or_a_mapping_off(root: Path) -> None:
    assert effective("shop", {"order": {"contact": None}}, root)["order"].contact is None
    assert effective("shop", {"order": None}, root) == {}


def test_two_mappings_may_fill_one_entity(root: Path) -> None:
    found = effective("shop", {"callback": {"entity": "lead", "fields": {"title": "t"}}}, root)
    assert found["callback"].entity == "lead"


rows = st.dictionaries(
    st.sampled_from(["number", "status", "total", "comment"]),
    st.sampled_from(["a", "b.c", None]),
    max_size=4,
)
overlays = st.fixed_dictionaries(
    {},
    optional={
        "fields": rows,
        "contact": st.none() | st.dictionaries(st.just("phone"), st.sampled_from(["p", None])),
        "version": st.none() | st.just("v"),
    },
)


@given(overlays, overlays)
def test_overlay_laws(one: dict[str, Any], two: dict[str, Any]) -> None:
    base = overlay({"fields": {"number": "no"}, "contact": {"phone": "tel"}}, one)
    assert overlay(base, {}) == base
    assert overlay(overlay(base, two), two) == overlay(base, two)
    result = overlay(base, two)
    for target, row in two.get("fields", {}).items():
        assert result["fields"].get(target) == row
    untouched = base["fields"].keys() - two.get("fields", {}).keys()
    assert all(result["fields"][target] == base["fields"][target] for target in untouched)
    assert build_document(result, "order") == build_document(overlay(base, two), "order")


@pytest.mark.parametrize(
    "text", ["fields: {a: b", "fields:\n  a: 1\n  a: 2\n", "\tx: 1", "a: *nobody", "\x00"]
)
def test_broken_yaml_is_an_error_of_that_file(root: Path, text: str) -> None:
    (root / "shop" / "lead.yml").write_text(text, "utf-8")
    with pytest.raises(MappingConfigError, match=r"mappings/shop/lead\.yml"):
        load_shipped("shop", root)


def test_an_overlays_mistake_shows_its_own_line_and_the_connection(root: Path) -> None:
    text = (
        "mappings:\n  order:\n    fields:\n      extra.a: b\n      total: {from: sum, as: mony}\n"
    )
    over = YAML(typ="rt").load(text)["mappings"]
    with pytest.raises(MappingConfigError) as caught:
        effective("shop", over, root, place="shop-main: mappings")
    (problem,) = caught.value.problems
    assert (problem.line, problem.place) == (5, "shop-main: mappings.order")
    with pytest.raises(MappingConfigError, match="a mapping is"):
        effective("shop", {"order": "number"}, root)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fields: {number: a, status: b, paid_at: {from: c, as: money}}", "money gives a number"),
        ("fields: {number: a, status: b, total: {const: дорого}}", "const: «дорого»"),
        ("fields: {number: a, status: b, total: {from: x, default: нет}}", "default: «нет»"),
        ("fields: {number: a}", "nothing fills status"),
        ("fields: {number: a, status: b}\ncontact: {name: n}", "nothing identifies the person"),
        (
            "fields: {number: a, status: b, manager: {from: c, as: {lookup: settings.people}}}",
            "no setting «people»",
        ),
        (
            "fields: {number: a, status: b,"
            " lines: {each: i, fields: {price: {from: p, as: unixtime}}}}",
            "price: unixtime gives a time",
        ),
    ],
)
def test_doubts_are_told(text: str, words: str) -> None:
    document = build_document(YAML().load(text), "order", "here")
    found = check_document(document, settings=["managers"])
    assert len(found) == 1
    assert words in str(found[0])


def test_words_of_a_closed_list_are_checked() -> None:
    row = {"from": "d", "choices": {"1": "in", "2": "outgoing"}}
    document = build_document({"fields": {"direction": row, "from_number": "n"}}, "call")
    (problem,) = check_document(document)
    assert (problem.severity, problem.key) == ("error", "direction")
    assert "in, out, internal" in problem.message


def test_check_shipped_reports_broken_files_and_goes_on(root: Path) -> None:
    (root / "shop" / "lead.yml").write_text("fields: {titel: a}", "utf-8")
    found = [str(problem) for problem in check_shipped(root)]
    assert any("shop/lead.yml:1:10: fields.titel" in line for line in found)
    assert any("shop/order.yml" in line and "nothing fills status" in line for line in found)


def test_what_the_project_ships_has_no_errors() -> None:
    assert [str(one) for one in check_shipped() if one.severity == "error"] == []
