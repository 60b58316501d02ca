"""The settings as they stand: every variable and every key, its value, where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from hub.settings import ROOT, Settings
from hub.web.words.settings import EXPLAINED, PARTS, VARIABLES

HIDDEN: Final = "••••••"
_SECRET: Final = re.compile(r"password|secret|token", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"(env|file):")


@dataclass(frozen=True)
class Key:
    """One setting: its name, what it is now, whether somebody set it, what it means."""

    name: str
    value: str
    is_set: bool
    text: Any


def environment(settings: Settings) -> list[Key]:
    """The variables of the environment; what is secret in them is hidden."""
    values = {
        "HUB_HOME": (str(settings.home), True),
        "HUB_HOST": (settings.host, settings.host != "127.0.0.1"),
        "HUB_PORT": (str(settings.port), settings.port != 8000),
        "DATABASE_URL": (_without_password(settings.database_url), bool(settings.database_url)),
        "REDIS_URL": (_without_password(settings.redis_url), bool(settings.redis_url)),
        "HUB_SECRET_KEY": (HIDDEN if settings.secret_key else "", bool(settings.secret_key)),
        "HUB_LANGUAGE": (settings.language, settings.language != "ru"),
        "HUB_TIMEZONE": (settings.timezone, settings.timezone != "Europe/Moscow"),
        "HUB_PHONE_REGION": (settings.phone_region, settings.phone_region != "RU"),
    }
    return [Key(name, value, is_set, VARIABLES[name]) for name, (value, is_set) in values.items()]


def sections(settings: Settings) -> list[tuple[str, Any, list[Key]]]:
    """hub.yml as it counts now, the admin's file laid over the hub's: (part, title, keys)."""
    shipped = _flat(_shipped())
    present = _flat(settings.file)
    found: dict[str, list[Key]] = {}
    for name in [*shipped, *(name for name in present if name not in shipped)]:
        # A part that the admin's file names replaces the shipped one: the rest is as in the code.
        value = present.get(name, shipped.get(name))
        parent = name.rpartition(".")[0]
        text = EXPLAINED.get(name) or EXPLAINED.get(parent) or _comments().get(name, "")
        changed = name in present and present[name] != shipped.get(name)
        key = Key(name, shown(name, value), changed, text)
        found.setdefault(name.split(".", maxsplit=1)[0], []).append(key)
    return [(name, PARTS.get(name, ""), keys) for name, keys in found.items()]


def shown(name: str, value: Any) -> str:
    """A value as it may be seen: a secret is hidden, where it comes from is not."""
    if _SECRET.search(name) and value and not _REFERENCE.match(str(value)):
        return HIDDEN
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return _without_password(str(value))


def _without_password(address: str) -> str:
    parts = urlsplit(address) if "://" in address else None
    if parts is None or parts.password is None:
        return address
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{HIDDEN}@{host}"))


def _flat(node: Any, path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in node.items() if isinstance(node, Mapping) else ():
        place = f"{path}.{name}" if path else str(name)
        if isinstance(value, Mapping) and value:
            found |= _flat(value, place)
        else:
            found[place] = value
    return found


@cache
def _shipped() -> CommentedMap:
    text = (ROOT / "config" / "hub.yml").read_text(encoding="utf-8")
    loaded: CommentedMap = YAML(typ="rt").load(text)
    return loaded


@cache
def _comments() -> dict[str, str]:
    """What the file itself says above each key."""
    return dict(_above((ROOT / "config" / "hub.yml").read_text(encoding="utf-8")))


def _above(text: str) -> Iterator[tuple[str, str]]:
    lines: list[str] = []
    part = ""
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("#"):
            lines.append(bare.lstrip("# "))
            continue
        if found := re.match(r"( *)([a-z_]+):", line):
            indent, name = found.groups()
            part = part if indent else name
            yield (f"{part}.{name}" if indent else name), " ".join(lines)
        lines = []
