"""What connectors' errors say in English has its Russian in the connector's own folder."""

from __future__ import annotations

import re

import pytest
from ruamel.yaml import YAML

from hub.registry import CONNECTORS, messages

_PLACE = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize(("english", "russian"), sorted(messages().items()))
def test_a_translation_has_the_same_places_and_is_russian(english: str, russian: str) -> None:
    assert sorted(set(_PLACE.findall(english))) == sorted(set(_PLACE.findall(russian)))
    assert re.search("[а-яё]", russian)
    assert not re.search("[а-яё]", english)


def test_every_folder_brings_its_own() -> None:
    files = list(CONNECTORS.glob("*/messages.yml"))
    assert files
    for path in files:
        rows = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        assert {row["en"] for row in rows} <= set(messages()), path
