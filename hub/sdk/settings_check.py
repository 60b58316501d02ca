"""The settings of a connection file, checked against its connector's manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub.sdk.errors import ConfigError
from hub.sdk.manifest import Manifest, Setting


def check_names(
    manifest: Manifest, settings: Mapping[str, Any], secrets: Mapping[str, Any]
) -> None:
    """ConfigError for a setting or secret that the connector does not have, or that is no text."""
    for trouble in _name_troubles(manifest, settings, secrets):
        raise trouble


def checked_settings(
    manifest: Manifest, settings: Mapping[str, Any], secrets: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings with their defaults; ConfigError names the wrong one and the remedy."""
    checked, troubles = _checked(manifest, settings, secrets)
    if troubles:
        raise troubles[0]
    return checked


def troubles_of(
    manifest: Manifest, settings: Mapping[str, Any], secrets: Mapping[str, Any]
) -> list[ConfigError]:
    """Everything that the two checks above would refuse, each by its place: for a form."""
    return [
        *_name_troubles(manifest, settings, secrets),
        *_checked(manifest, settings, secrets)[1],
    ]


def _name_troubles(
    manifest: Manifest, settings: Mapping[str, Any], secrets: Mapping[str, Any]
) -> Iterator[ConfigError]:
    for name, value in secrets.items():
        values = value if isinstance(value, list | tuple) else [value]
        if not all(isinstance(one, str) for one in values):
            yield ConfigError(
                "must be text, or a list of texts: put it in quotes", place=f"secrets.{name}"
            )
    for group, given, secret in (("settings", settings, False), ("secrets", secrets, True)):
        known = [item.name for item in manifest.settings if item.secret == secret]
        known += manifest.common_settings() if group == "settings" else []
        for name in given:
            if name not in known:
                yield ConfigError(
                    f"{manifest.name} has no such key; it has: {', '.join(known) or 'none'}",
                    place=f"{group}.{name}",
                )


def _checked(
    manifest: Manifest, settings: Mapping[str, Any], secrets: Mapping[str, Any]
) -> tuple[dict[str, Any], list[ConfigError]]:
    checked: dict[str, Any] = {}
    troubles: list[ConfigError] = []
    for setting in manifest.settings:
        if setting.secret:
            continue
        value = settings.get(setting.name)
        value = setting.default if value is None else value
        if value is None:
            continue
        try:
            checked[setting.name] = _coerce(setting, value)
        except ConfigError as error:
            troubles.append(error)
            checked[setting.name] = value
    try:
        checked |= manifest.checked_common(settings)
    except ConfigError as error:
        troubles.append(error)
    for setting in manifest.settings:
        applies = all(str(checked.get(key)) in values for key, values in setting.when.items())
        given = setting.name in (secrets if setting.secret else checked)
        if setting.required and applies and not given:
            group = "secrets" if setting.secret else "settings"
            troubles.append(ConfigError("is required", place=f"{group}.{setting.name}"))
    return checked, troubles


def _coerce(setting: Setting, value: Any) -> Any:
    place = f"settings.{setting.name}"
    kinds: dict[str, type | tuple[type, ...]] = {"map": Mapping, "list": list, "boolean": bool}
    expected = kinds.get(setting.type)
    if expected and not isinstance(value, expected):
        raise ConfigError(f"must be a {setting.type}", place=place)
    if setting.type == "integer" and (isinstance(value, bool) or not isinstance(value, int)):
        raise ConfigError("must be a whole number", place=place)
    if setting.type == "choice" and value not in setting.choices:
        raise ConfigError(f"must be one of: {', '.join(setting.choices)}", place=place)
    if setting.type == "timezone":
        try:
            ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a name too long for a file
            raise ConfigError("is not a time zone such as Europe/Moscow", place=place) from error
    if setting.type in {"text", "url"}:
        if isinstance(value, Mapping | list):
            raise ConfigError("must be text", place=place)
        return str(value)
    return value
