"""Every text of the pages is translated, and no template holds a text of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from hub import web

FOLDER = Path(web.__file__).parent
CATALOGUE = FOLDER / "translations" / "ru" / "LC_MESSAGES"
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
#: Words that are the same everywhere: names, units, protocol words.
SAME_EVERYWHERE = {"Узел", "English", "Русский", "HTTP", "curl"}


def wanted() -> set[str | tuple[str, ...]]:
    """Every msgid the code and the templates use."""
    found: set[str | tuple[str, ...]] = set()
    keywords = {"_": None, "_l": None, "gettext": None, "ngettext": (1, 2)}
    for method in ("python", "jinja2.ext:babel_extract"):
        pattern = "**.py" if method == "python" else "templates/**.html"
        for row in extract_from_dir(str(FOLDER), [(pattern, method)], {}, keywords):
            found.add(row[2])
    return found


def test_the_russian_catalogue_is_whole() -> None:
    with (CATALOGUE / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale="ru")
    known = {message.id for message in catalogue if message.id}
    assert wanted() == known
    for message in catalogue:
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings), message.id
        assert not message.fuzzy, message.id
        if message.id:
            assert not list(message.check(catalogue)), message.id


def test_the_compiled_catalogue_is_the_written_one() -> None:
    with (CATALOGUE / "messages.po").open("rb") as file:
        written = {one.id: one.string for one in read_po(file, locale="ru") if one.id}
    with (CATALOGUE / "messages.mo").open("rb") as file:
        compiled = {one.id: one.string for one in read_mo(file) if one.id}
    assert compiled == written


def bare_words(text: str) -> list[str]:
    """Words a reader would see that did not go through the catalogue."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.S)
    text = re.sub(r"<(\w+)[^>]*?(?:title|alt|placeholder|aria-label)=\"([^\"]*)\"", r"\2", text)
    text = re.sub(r"<[^>]*>", " ", text)
    words = re.findall(r"[A-Za-zА-Яа-яЁё]{2,}", re.sub(r"&\w+;", " ", text))
    return [word for word in words if word not in SAME_EVERYWHERE]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_text_of_its_own(path: Path) -> None:
    assert bare_words(path.read_text(encoding="utf-8")) == []
