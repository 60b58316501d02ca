"""One row of a 1C answer as the rows it holds: parts that are rows, ids of two halves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

#: 1C's «no reference».
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
#: Where the second half of an identity goes.
VARIANT = "ИдХарактеристики"


def shaped(
    found: Iterable[Mapping[str, Any]], paths: Sequence[str], identity: str
) -> Iterator[Mapping[str, Any]]:
    """The rows exploded by `paths`; the field `identity` keeps the item, VARIANT gets the rest."""
    for whole in found:
        for row in exploded(whole, paths):
            if not isinstance(row.get(identity), str):
                yield row
                continue
            item, variant = two_ids(row[identity])
            yield {**row, identity: item, VARIANT: variant}


def exploded(row: Mapping[str, Any], paths: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The row once for each part that the first filled path leads to, under the path's last name.

    A row in which no path leads anywhere stays as it is.
    """
    for path in paths:
        parts = list(_parts(row, path.split(".")))
        if parts:
            name = path.rpartition(".")[2]
            yield from ({**row, name: part} for part in parts)
            return
    yield row


def _parts(value: Any, names: Sequence[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _parts(one, names)
    elif not names:
        if value not in (None, "", {}):
            yield value
    elif isinstance(value, Mapping):
        yield from _parts(value.get(names[0]), names[1:])


def two_ids(text: str) -> tuple[str, str]:
    """`GUID#GUID` as the ids of a product and its characteristic, in lower case; zero is none."""
    first, _, second = text.strip().lower().partition("#")
    return first, "" if second == ZERO_GUID else second
