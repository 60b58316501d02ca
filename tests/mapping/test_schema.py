"""A wrong mapping is refused with the place, the key and what is allowed."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hub.mapping.compiler import compile_mapping
from hub.mapping.model import MappingConfigError
from hub.mapping.paths import PathError, compile_path
from hub.mapping.schema import build_document
from hub.mapping.transforms import MappingContext
from hub.sdk.records import SourceRecord


def problems(text: str, name: str = "order") -> list[Any]:
    with pytest.raises(MappingConfigError) as caught:
        build_document(YAML(typ="rt").load(dedent(text)), name, "mappings/shop/order.yml")
    return caught.value.problems


def test_an_unknown_field_shows_near_ones_and_its_place() -> None:
    (problem,) = problems("fields:\n  number: no\n  totl: sum\n")
    assert (problem.place, problem.line, problem.column) == ("mappings/shop/order.yml", 3, 3)
    assert problem.key == "fields.totl"
    assert "perhaps total" in problem.message
    assert str(problem).startswith("mappings/shop/order.yml:3:3: fields.totl: unknown field")


def test_an_unknown_transform_shows_near_ones_and_its_place() -> None:
    (problem,) = problems("fields:\n  total: {from: sum, as: mony}\n")
    assert (problem.line, problem.column) == (2, 22)
    assert problem.key == "fields.total.as"
    assert "perhaps money" in problem.message


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("'a-b'", "JMESPath expression at character"),
        ("'a['", "JMESPath"),
        ("''", "empty"),
        ("lenght(a)", "perhaps length"),
        ("'length(a, b)'", "takes 1 arguments, not 2"),
        ("not_null()", "at least 1"),
        ("'a.`{'", "JMESPath"),
        ("5", "a path is wanted"),
    ],
)
def test_a_bad_path_is_shown_with_its_place(path: str, words: str) -> None:
    (problem,) = problems(f"fields:\n  number: no\n  total: {{from: {path}}}\n")
    assert words in problem.message
    assert (problem.key, problem.line, problem.column) == ("fields.total.from", 3, 11)


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("fields: {total: {form: sum}}", "fields.total.form", "perhaps from"),
        ("fields: {total: {}}", "fields.total", "exactly one of from, const, each"),
        ("fields: {total: {from: a, const: 1}}", "fields.total", "exactly one"),
        ("fields: {total: {from: a, only: delete}}", "fields.total.only", "create or update"),
        ("fields: {total: {from: a, otherwise: x}}", "fields.total.otherwise", "beside choices"),
        ("fields: {total: {from: a, default: [1]}}", "fields.total.default", "single value"),
        ("fields: {total: {from: []}}", "fields.total.from", "empty"),
        ("fields: {total: {from: a, when: '('}}", "fields.total.when", "JMESPath"),
        ("fields: {total: {from: a, as: {money: 2}}}", "fields.total.as", "takes no argument"),
        ("fields: {manager: {from: a, as: lookup}}", "fields.manager.as", "settings.managers"),
        ("fields: {paid_at: {from: a, as: {date: dmy}}}", "fields.paid_at.as", "%d.%m.%Y"),
        ("fields: {comment: {from: a, as: join}}", "fields.comment.as", "text to put between"),
        ("fields: {total: {each: a, fields: {x: y}}}", "fields.total", "no list"),
        ("fields: {lines: items}", "fields.lines", "filled by each"),
        ("fields: {lines: {each: items}}", "fields.lines", "go together"),
        (
            "fields: {lines: {each: items, fields: {sky: a}}}",
            "fields.lines.fields.sky",
            "perhaps sku",
        ),
        (
            "fields: {lines: {each: i, fields: {sku: {each: a, fields: {b: c}}}}}",
            "fields.lines.fields.sku.each",
            "unknown key",
        ),
        ("fields: {'extra.a b': c}", "fields.extra.a b", "extra.<name>"),
        ("fields: [a]", "fields", "rows are wanted"),
        ("fields: {total: 5}", "fields.total", "a row is a path"),
        ("feilds: {}", "feilds", "perhaps fields"),
        ("entity: ordr", "entity", "perhaps order"),
        ("contact: {fone: tel}", "contact.fone", "perhaps phone"),
        ("contact: {extra.x: tel}", "contact.extra.x", "unknown field"),
        ("contact: {phone: {from: '('}}", "contact.phone.from", "JMESPath"),
        ("contact: {when: '('}", "contact", "JMESPath"),
        ("external_id: {form: id}", "external_id.form", "perhaps from"),
        ("- a", "", "a mapping is"),
    ],
)
def test_every_mistake_is_named(text: str, key: str, words: str) -> None:
    found = problems(text)
    assert any(problem.key == key and words in problem.message for problem in found), found


KEYS = ["fields", "contact", "external_id", "entity", "from", "as", "each", "const", "choices"]
VALUES = ["otherwise", "when", "only", "total", "lines", "money", "lookup", "a.b", "a[", "order"]
words = st.sampled_from([*KEYS, *VALUES])
words |= st.text(max_size=5)
documents = st.recursive(
    words | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
)


@given(documents)
def test_any_document_is_built_or_refused_with_its_problems(document: Any) -> None:
    try:
        built = build_document(document, "order")
    except MappingConfigError as error:
        assert error.problems  # noqa: PT017  # most documents are refused, some are not
    else:
        assert build_document(built.as_dict(), "order") == built


@given(st.text(max_size=12) | st.text(alphabet="aЯ.[]()*?&|!=<>@`'\"{}:,-01 ", max_size=16))
def test_any_path_compiles_or_is_refused(path: str) -> None:
    try:
        compile_path(path)
    except PathError as error:
        said = str(error)
    else:
        said = "compiled"
        mapping = compile_mapping(build_document({"fields": {"comment": path}}, "order"))
        record = mapping.apply(SourceRecord("order", "7", {"a": [1, "b", None]}), MappingContext())
        assert set(record.fields) <= {"comment"}
    assert said


def test_all_problems_are_told_at_once() -> None:
    found = problems("fields: {total: {from: a, as: mony}, number: {form: x}}\nversion: '('")
    assert {problem.key.split(".")[0] for problem in found} == {"fields", "version"}
    assert len(found) >= 3
