"""A connection as a file's text: written out without secrets, and read from a pasted one."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from hub.mapping.places import load_yaml, plain
from hub.registry import CONNECTION_KEYS
from hub.sdk.errors import ConfigError
from hub.store.connections import find_row
from hub.store.database import utc_now
from hub.store.rotation import PARTS
from hub.store.secrets import is_valid
from hub.store.store import Store

MAX_CHARACTERS = 200_000


def export(store: Store, name: str) -> str:
    """A connection as a file's text. No secret is in it: each becomes an `env:` reference."""
    with store.database.read() as db:
        row = find_row(db, name)
    if row is None:
        raise ConfigError(f"there is no connection «{name}»")
    document: dict[str, Any] = {key: getattr(row, key) for key in PARTS if getattr(row, key)}
    now = utc_now()
    kept = {
        secret: [one for one in values if is_valid(one, now)]
        for secret, values in store.vault.open(row.secrets).items()
    }
    if kept:
        document["secrets"] = {
            secret: _references(name, secret, values) for secret, values in kept.items()
        }
    return f"# {name}.yml\n{dump(document)}"


def dump(document: Any) -> str:
    """Plain data as YAML, its keys in their order."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 100
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def read(text: str) -> dict[str, Any]:
    """A pasted connection file; ConfigError names the line of what is wrong.

    References to secrets are left out: they mean the machine of whoever wrote the file, and
    nobody at a browser may make the hub read its own environment and files.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError("the text is too long")
    loaded = plain(load_yaml(text.encode(), "yaml"))
    if not isinstance(loaded, Mapping):
        raise ConfigError("a connection file is a table: connector, title, settings, …")
    unknown = sorted(set(loaded) - set(CONNECTION_KEYS))
    if unknown:
        allowed = ", ".join(CONNECTION_KEYS)
        raise ConfigError(f"unknown key «{unknown[0]}»; allowed: {allowed}", place=unknown[0])
    for part in ("settings", "secrets", "schedule", "mappings"):
        if not isinstance(loaded.get(part) or {}, Mapping):
            raise ConfigError("must be a table of names and values", place=part)
    secrets = {
        name: value
        for name, value in (loaded.get("secrets") or {}).items()
        if isinstance(value, str) and not value.startswith(("env:", "file:"))
    }
    return {**loaded, "secrets": secrets}


def _references(name: str, secret: str, values: list[dict[str, str]]) -> str | list[str]:
    variable = re.sub(r"\W", "_", f"{name}_{secret}").upper()
    found = [
        one.get("ref") or f"env:{variable}{f'_{number}' if number > 1 else ''}"
        for number, one in enumerate(values, 1)
    ]
    return found[0] if len(found) == 1 else found
