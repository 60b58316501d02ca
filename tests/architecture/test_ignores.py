"""Whoever silences a checker says why, on the same line."""

from __future__ import annotations

import io
import re
import tokenize

import pytest

from tests.architecture.source import ROOT, sources

MARK = re.compile(r"#\s*(noqa|type:\s*ignore|mypy:|ruff:|pragma:|nosec|pylint:)", re.IGNORECASE)
#: A silencer with its codes: `# noqa: X1, X2`, `# type: ignore[a, b]`.
WITH_CODES = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[\w, -]+\])\s*"
)
REASON = re.compile(r"#\s*\w.{3,}")


def silencers(text: str) -> list[tuple[int, str]]:
    """Every comment that silences a checker, with its line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [
        (token.start[0], token.string)
        for token in tokens
        if token.type == tokenize.COMMENT and MARK.match(token.string)
    ]


def has_reason(comment: str) -> bool:
    """Whether codes are named and, after all silencers, a reason is left."""
    rest, count = WITH_CODES.subn("", comment)
    return count > 0 and not MARK.search(rest) and bool(REASON.match(rest))


def test_every_ignore_has_its_reason() -> None:
    bare = [
        f"{source.name}:{line}: {text}"
        for source in sources("hub", "connectors", "tests")
        if MARK.search(source.text)
        for line, text in silencers(source.text)
        if not has_reason(text)
    ]
    assert not bare


@pytest.mark.parametrize(
    ("comment", "good"),
    [
        ("# noqa: S105  # invented, for the demo", True),
        ("# type: ignore[arg-type]  # the stubs know only text", True),
        ("# type: ignore[arg-type]  # noqa: S105  # both for the same reason", True),
        ("# noqa: S105", False),
        ("# noqa", False),
        ("# noqa  # because", False),
        ("# type: ignore", False),
        ("# type: ignore[arg-type]", False),
        ("# type: ignore  # why not", False),
        ("# pragma: no cover", False),
    ],
)
def test_the_rule_itself(comment: str, good: bool) -> None:
    assert has_reason(comment) is good


def test_settings_of_the_checkers_have_reasons_too() -> None:
    """In pyproject.toml every ignored rule stands on its own line with a comment."""
    section = ""
    for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        section = line if line.startswith("[") else section
        ignored = re.match(r'\s*"[A-Z]+\d+",', line)
        if ignored and section.startswith("[tool.ruff"):
            assert re.search(r"#\s*\w.{3,}", line), line
        if line.startswith(("ignore_missing_imports", "ignore_errors")):
            assert "#" in line, line
