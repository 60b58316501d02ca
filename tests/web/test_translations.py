"""Every text of the pages is translated, and no template holds a text of its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from hub import web

FOLDER = Path(web.__file__).parent
CATALOGUE = FOLDER / "translations" / "ru" / "LC_MESSAGES"
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
SAME_EVERYWHERE = {"HTTP"}
SPOKEN = {"title", "alt", "placeholder", "aria-label"}


def wanted() -> set[str | tuple[str, ...]]:
    """Every msgid the code and the templates use."""
    found: set[str | tuple[str, ...]] = set()
    keywords = {"_": None, "_l": None, "gettext": None, "ngettext": (1, 2), "N_": None}
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
        written = texts(read_po(file, locale="ru"))
    with (CATALOGUE / "messages.mo").open("rb") as file:
        assert texts(read_mo(file)) == written


def texts(catalogue: Catalog) -> dict[object, object]:
    """Translations by msgid; plurals as tuples, whatever the reader made of them."""
    found: dict[object, object] = {}
    for message in catalogue:
        if message.id:
            key = message.id if isinstance(message.id, str) else tuple(message.id)
            value = message.string
            found[key] = value if isinstance(value, str) else tuple(value or ())
    return found


class Reader(HTMLParser):
    """Collects what a reader would see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [value or "" for name, value in attrs if name in SPOKEN]


def bare_words(template: str) -> list[str]:
    """Words of a template that did not go through the catalogue."""
    reader = Reader()
    reader.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", template, flags=re.DOTALL))
    words = re.findall(r"[A-Za-zА-Яа-яЁё]{2,}", " ".join(reader.said))
    return [word for word in words if word not in SAME_EVERYWHERE]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_text_of_its_own(path: Path) -> None:
    assert bare_words(path.read_text(encoding="utf-8")) == []
