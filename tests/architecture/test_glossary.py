"""The glossary in hub/README.md and the code use the same words."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.source import ROOT, sources

README = ROOT / "hub" / "README.md"


def table_rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, header and ruler left out."""
    text = README.read_text(encoding="utf-8")
    match = re.search(rf"^#+ .*{heading}.*$", text, flags=re.MULTILINE | re.IGNORECASE)
    assert match, f"hub/README.md has no heading «{heading}»"
    section = re.split(r"^#+ ", text[match.end() :], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line.strip() for line in section.splitlines() if line.strip().startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.fixture(scope="module")
def words_in_code() -> set[str]:
    """Identifiers, texts that are one word (statuses, tables), modules and folders."""
    found: set[str] = set()
    for source in sources("hub", "connectors"):
        found.update(source.module.split("."))
        found.add(source.module)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    folders = [path.name for path in (ROOT / "hub").rglob("*") if path.is_dir()]
    return found | set(folders)


def exists(name: str, words: set[str]) -> bool:
    """Whether a name in code is there: an identifier, `module.name`, a table, a file, a folder."""
    bare = name.strip().removesuffix("()")
    if (ROOT / bare).exists() or (ROOT / "hub" / bare).exists():
        return True
    return bare in words or all(piece in words for piece in bare.split(".") if piece)


def test_every_word_of_the_glossary_is_in_the_code(words_in_code: set[str]) -> None:
    rows = table_rows("glossary")
    assert rows
    missing = []
    for word, code, *_ in rows:
        names = re.findall(r"`([^`]+)`", code) or [code]
        missing += [f"{word}: {name}" for name in names if not exists(name, words_in_code)]
    assert not missing


def test_no_word_has_two_rows() -> None:
    words = [row[0].strip("`* ").lower() for row in table_rows("glossary")]
    assert len(words) == len(set(words))
