"""Both READMEs say the same, and every command in them exists."""

from __future__ import annotations

import re

import click
import pytest

from hub.cli import hub
from hub.registry import manifests
from hub.settings import ROOT

FILES = ("README.md", "README.ru.md")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(text: str) -> set[tuple[str, ...]]:
    """Every `hub …` in code: the words before the first argument."""
    code = re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`(hub [^`]+)`", text)
    lines = [line.strip() for block in code for line in block.splitlines()]
    words = (line.split()[1:3] for line in lines if line.startswith("hub "))
    return {tuple(pair) for pair in words}


def make_targets(text: str) -> set[str]:
    return set(re.findall(r"(?:^|`|\s)make ([a-z]+)", text))


def test_both_name_the_same_things() -> None:
    english, russian = map(text_of, FILES)
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(
        re.findall(r"^## ", russian, re.MULTILINE)
    )
    for pattern in (r"\bHUB_[A-Z_]+|\b[A-Z]+_URL\b", r"\]\(([^)]*README[^)]*/[^)]*)\)", r"`/\w+`"):
        assert set(re.findall(pattern, english)) == set(re.findall(pattern, russian))
    assert {pair[0] for pair in commands(english)} == {pair[0] for pair in commands(russian)}


@pytest.mark.parametrize("name", FILES)
def test_every_command_exists(name: str) -> None:
    found = commands(text_of(name))
    assert len(found) > 10
    for first, *rest in found:
        command = hub.get_command(click.Context(hub), first)
        assert command is not None, first
        if isinstance(command, click.Group):
            assert rest
            assert rest[0] in command.commands, f"{first} {rest[0]}"


@pytest.mark.parametrize("name", FILES)
def test_every_make_target_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    assert make_targets(text_of(name)) <= targets


@pytest.mark.parametrize("name", FILES)
def test_every_connector_is_listed_and_every_link_leads_somewhere(name: str) -> None:
    text = text_of(name)
    for connector in manifests():
        assert f"`{connector}`" in text
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_explained(name: str) -> None:
    settings = (ROOT / "hub" / "settings.py").read_text(encoding="utf-8")
    for variable in set(re.findall(r'env\.get\("(\w+)"\)', settings)):
        assert f"`{variable}`" in text_of(name), variable
