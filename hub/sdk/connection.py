"""A configured connector, as the connector's code sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from hub.sdk.errors import ConfigError
from hub.sdk.traffic import UNLIMITED, Traffic, Urgency

#: What stands where a secret stood.
HIDDEN = "•••"


class Secrets(Mapping[str, str]):
    """A connection's secrets. Never shown: not in repr, not in logs.

    `all(name)` gives every value that is valid now, newest first, for rotation.
    """

    def __init__(self, values: Mapping[str, str | Sequence[str]] | None = None) -> None:
        self._values = {
            name: [value] if isinstance(value, str) else list(value)
            for name, value in (values or {}).items()
        }

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name][0]
        except (KeyError, IndexError):
            raise ConfigError(f"secret «{name}» is not set", place=f"secrets.{name}") from None

    def __contains__(self, name: object) -> bool:
        return bool(self._values.get(str(name)))

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401  # this is that get

    def all(self, name: str) -> list[str]:
        """Every valid value of the secret; ConfigError when there is none."""
        if name not in self:
            self[name]
        return list(self._values[name])

    def hide(self, text: str, shortest: int = 1) -> str:
        """The text with every secret of at least `shortest` characters masked."""
        for values in self._values.values():
            for value in values:
                if len(value) >= shortest:
                    text = text.replace(value, HIDDEN)
        return text

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"


@dataclass(frozen=True)
class Connection:
    """One connection: its name, checked settings and secrets.

    `timezone` is the connection's own zone or the company's.
    """

    name: str
    connector: str
    title: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=Secrets)
    id: int = 0
    company_timezone: str = "Europe/Moscow"
    phone_region: str = "RU"
    #: Networks outside the public ones that hub.yml allows for this hub.
    allowed_networks: tuple[str, ...] = ()
    #: A folder under HUB_HOME where the connector may keep files that can be made again.
    cache_dir: str = ""
    #: Asked before every call to another system: limits and breaker of the whole hub.
    traffic: Traffic = field(default=UNLIMITED, repr=False, compare=False)

    def at(self, urgency: Urgency) -> Connection:
        """The same connection, its calls at another urgency."""
        return replace(self, traffic=self.traffic.at(urgency))

    @property
    def timezone(self) -> ZoneInfo:
        """The zone of times that come without one."""
        return ZoneInfo(str(self.settings.get("timezone") or self.company_timezone))

    def setting(self, name: str) -> Any:
        """A required setting; ConfigError names it when it is missing."""
        value = self.settings.get(name)
        if value is None or value == "":
            raise ConfigError(f"setting «{name}» is required", place=f"settings.{name}")
        return value
