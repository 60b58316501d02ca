"""Profiles of a connector: ready settings and mappings for what a vendor ships as it is.

`connectors/<name>/profiles/<profile>.yml` holds `settings` and `mappings`; a connection that names
the profile in its setting `profile` has them under its own, key by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hub.sdk.errors import ConfigError

SETTING: Final = "profile"
KEYS: Final = ("settings", "mappings")


def profile_of(folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The profile that these settings of a connector name; empty parts when they name none, or
    when the connector has no such folder and means something else by the setting.

    ConfigError for a name that has no file, or a file that is no profile.
    """
    name = str(settings.get(SETTING) or "")
    return _load(folder, name) if name and (folder / "profiles").is_dir() else {}


@cache
def _load(folder: Path, name: str) -> Mapping[str, Mapping[str, Any]]:
    path = folder / "profiles" / f"{name}.yml"
    known = sorted(one.stem for one in path.parent.glob("*.yml"))
    if name not in known:
        raise ConfigError(
            f"there is no profile «{name}»; there are: {', '.join(known) or 'none'}",
            place=f"settings.{SETTING}",
        )
    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ConfigError(str(error), place=str(path)) from error
    if not isinstance(data, Mapping) or set(data) - set(KEYS):
        raise ConfigError(f"a profile is {{{', '.join(KEYS)}}}", place=str(path))
    return data


def laid(below: Mapping[str, Any] | None, over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `below`, tables into each other; a null takes away what was below."""
    result = dict(below or {})
    for key, value in over.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            result[key] = laid(under, value)
        elif value is None and key in result:
            del result[key]
        else:
            result[key] = value
    return result
