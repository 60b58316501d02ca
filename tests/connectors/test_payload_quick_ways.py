"""The quick ways through a body give what the slow ways give, byte by byte."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk import payload
from hub.sdk.errors import PayloadError

FORM_BYTES = st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=60).map(lambda raw: quote_from_bytes(raw).encode()),
    st.lists(st.sampled_from([b"%", b"=", b"+", b"%2", b"%41", b"%0a", b"%0D\n", b"a", b"\n", b"\r",
                              b" ", b"\t", b"=\n", b"==", b"=41", b"_", b"\xff"]), max_size=12)
    .map(b"".join),
)  # fmt: skip


@given(FORM_BYTES)
def test_a_form_value_is_unquoted_as_the_library_does(raw: bytes) -> None:
    assert payload.unquote_form(raw) == unquote_to_bytes(raw.replace(b"+", b" "))


TEXTS = st.text(max_size=8) | st.sampled_from(["\x00", "\ud800", "a\x00b", "\udfffя", "\\u0000"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


@given(DOCUMENTS, st.booleans())
def test_json_is_cleaned_wherever_it_must_be(document: Any, escaped: bool) -> None:
    body = json.dumps(document, ensure_ascii=escaped).encode("utf-8", "replace")
    found = payload.load_json(body)
    assert json.dumps(found) == json.dumps(payload._clean(json.loads(body), 0))


@pytest.mark.parametrize("depth", [payload.MAX_DEPTH - 1, payload.MAX_DEPTH])
def test_depth_that_is_allowed_passes(depth: int) -> None:
    payload.load_json(b"[" * depth + b"]" * depth)


def test_depth_beyond_the_limit_is_refused() -> None:
    depth = payload.MAX_DEPTH + 1
    with pytest.raises(PayloadError, match="deeper"):
        payload.load_json(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize("digits", [payload.MAX_DIGITS, payload.MAX_DIGITS + 1])
def test_the_longest_number(digits: int) -> None:
    body = b'{"a": ' + b"9" * digits + b"}"
    if digits > payload.MAX_DIGITS:
        with pytest.raises(PayloadError, match="too long"):
            payload.load_json(body)
    else:
        assert payload.load_json(body) == {"a": 10**digits - 1}
