"""What a large hostile body may cost, and what must come through unharmed."""

from __future__ import annotations

import tracemalloc
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.sdk import payload, xml
from hub.sdk.errors import PayloadError

pieces = st.sampled_from([b"%41", b"%", b"%4", b"%zz", b"a", b"%C3%A9", b"%%", b"x" * 50])


@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, max_size=12), st.integers(1, 9))
def test_a_long_text_is_unquoted_like_a_short_one(given_: list[bytes], chunk: int) -> None:
    raw = b"".join(given_)
    before, payload._CHUNK = payload._CHUNK, 2 + chunk
    try:
        assert payload.unquote(raw) == unquote_to_bytes(raw)
    finally:
        payload._CHUNK = before


def peak_of(body: bytes) -> int:
    """How much memory reading a body takes besides the body."""
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError):
            payload.load_json(b"?" + payload.unquote(body))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_escapes_take_a_few_times_their_size() -> None:
    body = b"a%40b%z" * 300_000
    assert peak_of(body) < 8 * len(body)


@pytest.mark.parametrize(
    ("load", "body"),
    [
        (payload.load_json, b"[" + b"[]," * 600_000 + b"0]"),
        (payload.load_json, b"[" + b"1," * 600_000 + b"0]"),
        (xml.load_xml, b"<a>" + b"<b/>" * 600_000 + b"</a>"),
        (lambda body: payload.load_form(body, ""), b"&" * 600_000),
    ],
    ids=["brackets", "numbers", "elements", "fields"],
)
def test_a_body_of_nothing_but_structure_is_refused_before_it_is_built(
    load: object, body: bytes
) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError, match="more than"):
            load(body)  # type: ignore[operator]  # each takes bytes
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
