"""Numbers, phones and times survive the ways people and systems write them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.mapping.transforms import TRANSFORMS, MappingContext

CONTEXT = MappingContext()
NBSP, NARROW = "\u00a0", "\u202f"


def run(name: str, value: Any) -> Any:
    return TRANSFORMS[name].function(value, None, CONTEXT)


amounts = st.decimals(min_value=-(10**15), max_value=10**15, places=2)


@given(amounts, st.sampled_from([" ", NBSP, NARROW, ""]), st.sampled_from([",", "."]))
def test_money_survives_the_way_people_write_it(amount: Decimal, group: str, point: str) -> None:
    shown = f"{amount:,}".replace(",", "G").replace(".", point).replace("G", group)
    assert run("money", shown) == amount
    assert run("money", str(run("money", shown))) == amount


@given(st.floats(min_value=-1e15, max_value=1e15, allow_nan=False).filter(lambda x: abs(x) > 1e-2))
def test_money_takes_a_float_by_its_shown_digits(number: float) -> None:
    assert float(run("money", number)) == number


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6))
def test_quantity_is_equal_and_settled(number: Decimal) -> None:
    once = run("quantity", number)
    assert once == number
    assert str(run("quantity", str(once))) == str(once)
    assert "E" not in str(once)


@given(
    st.integers(min_value=9000000000, max_value=9999999999), st.sampled_from(["+7", "8", "7", ""])
)
def test_a_phone_is_the_same_however_it_is_written(number: int, prefix: str) -> None:
    text = str(number)
    shown = f"{prefix} ({text[:3]}) {text[3:6]}-{text[6:8]}-{text[8:]}"
    assert run("phone", shown) == f"+7{number}"
    assert run("phone", run("phone", shown)) == f"+7{number}"


@given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2999, 1, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_a_time_survives_iso(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert run("time", aware.isoformat()) == aware
    assert run("time_utc", moment.isoformat(" ")) == aware
