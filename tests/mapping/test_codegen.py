"""The function written out of a mapping and its rows run one by one give the same, word by word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.mapping.codegen import compile_rows, interpret
from hub.mapping.loader import load_shipped
from hub.mapping.model import MappingError, Row, field_kinds, line_kinds
from hub.mapping.row import CompiledRow
from hub.mapping.transforms import MISSING, TRANSFORMS, MappingContext
from hub.registry import manifests
from hub.sdk.entities import ENTITIES
from tests.mapping.test_any_data import ARGUMENTS, CONTEXT, anything, names

NEAR_MISSES = st.sampled_from(
    ["8 916 123-45-67", "+7 916 123-45-67", "1 233,05", "2026-01-12T18:20:05", 1768234812, "да",
     "Анна\u00a0", "\x00", "a\x00b", " ", "руб.", ["8 916 123-45-67", ""], [None], "one@example.ru",
     "0001-01-01", '{"a": 1}', "12.01.2026", True, 0]
)  # fmt: skip
values = anything | NEAR_MISSES
PATHS = ("x", "a", "a.b", "items[0]", "items[].a", "@", "a.b.x", "x || a", "sum(x)")
CONDITIONS = ("", "a", "!a", "a.b", "a == 'x'", "sum(x)")


@st.composite
def rows(draw: st.DrawFn) -> tuple[Row, str]:
    """A row of any shape and the entity it belongs to."""
    entity = draw(st.sampled_from(sorted(ENTITIES)))
    target = draw(st.sampled_from([*sorted(ENTITIES[entity]), "extra.note"]))
    steps = draw(st.lists(st.sampled_from(sorted(TRANSFORMS)), max_size=3))
    common: dict[str, Any] = {
        "when": draw(st.sampled_from(CONDITIONS)),
        "required": draw(st.booleans()),
    }
    if draw(st.integers(0, 9)) == 0:
        below = (Row("sku", ("a",)), Row("price", ("b",), required=draw(st.booleans())))
        return Row(
            target, each=draw(st.sampled_from(["items", "a.b"])), rows=below, **common
        ), entity
    is_const = draw(st.integers(0, 5)) == 0
    return Row(
        target,
        () if is_const else tuple(draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3))),
        const=draw(values) if is_const else MISSING,
        steps=tuple((name, ARGUMENTS.get(name)) for name in steps),
        default=draw(st.just(MISSING) | values),
        choices=draw(st.none() | st.just({"1": "one", "да": None, "x": 5})),
        otherwise=draw(st.sampled_from(["keep", "null", "else"])),
        **common,
    ), entity


def compiled(row: Row, entity: str) -> CompiledRow:
    kind = field_kinds(entity).get(row.target)
    return CompiledRow(row, kind, entity, line_kinds(entity, row.target))


def spelled(value: Any) -> Any:
    """A value with its types, NaN equal to NaN, and numbers too long to be shown."""
    if isinstance(value, dict):
        return [(name, spelled(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [spelled(item) for item in value]
    return (type(value).__name__, hex(value) if isinstance(value, int) else repr(value))


def outcome(run: Callable[[list[str]], Any]) -> tuple[Any, list[str]]:
    """What came out, or the error, and the warnings."""
    warnings: list[str] = []
    try:
        return spelled(run(warnings)), warnings
    except MappingError as error:
        return f"{error.target}: {error.message}", warnings


def check_equal(many: list[CompiledRow], data: Any, context: MappingContext = CONTEXT) -> None:
    written = compile_rows(many)
    assert outcome(lambda said: written(data, context, said)) == outcome(
        lambda said: interpret(many, 0, data, context, said)
    )


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows(), st.dictionaries(names, values, max_size=5))
def test_any_row_gives_the_same_both_ways(made: tuple[Row, str], data: dict[str, Any]) -> None:
    check_equal([compiled(*made)], data)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(rows(), max_size=4), values)
def test_many_rows_over_what_may_be_no_object(made: list[tuple[Row, str]], data: Any) -> None:
    check_equal([compiled(*one) for one in made], data)


@pytest.mark.parametrize("name", [name for name in manifests() if load_shipped(name)])
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_shipped_mappings_give_the_same_both_ways(name: str, data: st.DataObject) -> None:
    documents = load_shipped(name)
    document = documents[data.draw(st.sampled_from(sorted(documents)))]
    paths = [path.split(".")[0] for row in document.fields for path in row.paths]
    given_data = data.draw(st.dictionaries(st.sampled_from(paths), values, max_size=12))
    many = [compiled(row, document.entity) for row in document.fields]
    check_equal(many, given_data)


def test_a_row_of_very_many_steps_is_run_all_the_same() -> None:
    row = Row("title", ("x",), steps=(("lower", None), ("upper", None)) * 60)
    written = compile_rows([compiled(row, "lead")])
    assert written({"x": "Заявка"}, CONTEXT, []) == {"title": "ЗАЯВКА"}


def test_names_and_texts_of_a_mapping_are_never_run() -> None:
    """What an admin writes stands in the function as data only."""
    evil = "x'] + exit() #"
    row = Row(f'extra.{evil}"""\n', ("x",), const=evil, default="\\' + exit()", when="a")
    written = compile_rows([compiled(row, "lead")], len("extra."))
    assert written({"x": 1, "a": 1}, CONTEXT, []) == {f'{evil}"""\n': 1}
