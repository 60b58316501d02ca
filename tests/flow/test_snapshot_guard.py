"""When a full stock snapshot must wait for a person."""

from __future__ import annotations

import pytest

from hub.flow.stock import DEFAULT_MIN_SHARE, snapshot_doubt


@pytest.mark.parametrize(
    ("stored", "read", "doubted"),
    [
        (0, 0, False),
        (0, 500, False),
        (1, 0, True),
        (1000, 0, True),
        (1000, 1000, False),
        (1000, 700, False),
        (1000, 699, True),
        (10, 6, True),
        (10, 2, True),
        (3, 2, False),
        (5, 3, False),
        (2, 1, False),
        (3, 1, True),
        (100, 150, False),
    ],
)
def test_a_sudden_drop_is_doubted_and_a_row_or_two_is_not(
    stored: int, read: int, doubted: bool
) -> None:
    assert bool(snapshot_doubt(stored, read, DEFAULT_MIN_SHARE)) is doubted


def test_the_reason_names_both_numbers() -> None:
    assert "699 rows, 1000 are stored" in snapshot_doubt(1000, 699, DEFAULT_MIN_SHARE)
