"""The page for the admin who connects it: the same headings everywhere, every name explained."""

from __future__ import annotations

import re

from hub.registry import CONNECTORS, connector

HEADINGS = (
    "## Что умеет",
    "## Где взять ключи",
    "## Подключение",
    "## Проверка",
    "## Особенности",
    "## Если не работает",
)


def readme(name: str) -> str:
    return (CONNECTORS / name / "README.md").read_text(encoding="utf-8")


def headings(text: str) -> list[str]:
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#{1,2} .*$", prose, flags=re.MULTILINE)


def test_headings(name: str) -> None:
    title, *rest = headings(readme(name))
    assert re.match(r"# \S", title)
    assert rest == list(HEADINGS)


def test_no_section_is_empty(name: str) -> None:
    for section in re.split(r"^## .*$", readme(name), flags=re.MULTILINE)[1:]:
        assert len(section.split()) >= 5


def test_every_declared_name_is_explained(name: str) -> None:
    manifest, text = connector(name).manifest, readme(name)
    names = [
        *(setting.name for setting in manifest.settings),
        *(stream.name for stream in manifest.streams),
        *manifest.event_types,
    ]
    missing = [word for word in names if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    assert not missing


def test_it_names_a_connection_file(name: str) -> None:
    assert f"connector: {name}" in readme(name)
