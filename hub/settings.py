"""The hub's own settings: the environment and `config/hub.yml`. The only reader of os.environ."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hub.sdk.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("ru", "en")


@dataclass(frozen=True)
class Settings:
    """Where the hub lives and how it behaves. `home` is `$HUB_HOME`; all it writes lies there."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    database_url: str = ""
    redis_url: str = ""
    secret_key: str = ""
    language: str = "ru"
    timezone: str = "Europe/Moscow"
    phone_region: str = "RU"
    log_level: str = "INFO"
    file: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def store_url(self) -> str:
        """The SQLAlchemy address of the store."""
        if not self.database_url:
            return f"sqlite:///{self.home / 'hub.db'}"
        for prefix in ("postgres://", "postgresql://"):
            if self.database_url.startswith(prefix):
                return "postgresql+psycopg://" + self.database_url[len(prefix) :]
        return self.database_url

    @cached_property
    def queue_url(self) -> str:
        """The address of Redis: the admin's, or the embedded one's socket."""
        return self.redis_url or f"unix://{self.redis_socket}"

    @cached_property
    def redis_socket(self) -> Path:
        """The embedded Redis's socket. A Unix socket's path is limited to about 100 bytes."""
        direct = self.home / "redis.sock"
        if len(str(direct)) < 100:
            return direct
        import hashlib
        import tempfile

        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"uzel-{name}.sock"

    def option(self, path: str, default: Any) -> Any:
        """A value of hub.yml by dotted path."""
        node: Any = self.file
        for step in path.split("."):
            if not isinstance(node, Mapping) or step not in node:
                return default
            node = node[step]
        return default if node is None else node

    @cached_property
    def allowed_networks(self) -> tuple[str, ...]:
        """Private networks that addresses from payloads and outgoing webhooks may reach."""
        return tuple(str(item) for item in self.option("network.allow", []))


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; ConfigError names the variable or the file's line."""
    env = os.environ if environ is None else environ
    home = Path(env.get("HUB_HOME") or "var").expanduser().resolve()
    file = {**_read(ROOT / "config" / "hub.yml"), **_read(home / "hub.yml")}
    try:
        port = int(env.get("HUB_PORT") or 8000)
    except ValueError as error:
        raise ConfigError("must be a number", place="HUB_PORT") from error
    language = env.get("HUB_LANGUAGE") or "ru"
    if language not in LANGUAGES:
        raise ConfigError(f"must be one of {', '.join(LANGUAGES)}", place="HUB_LANGUAGE")
    return Settings(
        home=home,
        host=env.get("HUB_HOST") or "127.0.0.1",
        port=port,
        database_url=env.get("DATABASE_URL") or "",
        redis_url=env.get("REDIS_URL") or "",
        secret_key=env.get("HUB_SECRET_KEY") or "",
        language=language,
        timezone=env.get("HUB_TIMEZONE") or "Europe/Moscow",
        phone_region=env.get("HUB_PHONE_REGION") or "RU",
        log_level=env.get("HUB_LOG_LEVEL") or "INFO",
        file=file,
    )


def secret_reference(reference: str) -> str | None:
    """The value behind `env:NAME` or `file:PATH`; None when there is nothing."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        return os.environ.get(name)
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def set_environment(names: Mapping[str, str]) -> None:
    """Give a forked process the variables that an executed one is started with."""
    os.environ.update(names)


def handed_over(name: str) -> int | None:
    """The number of an open file that the process's starter handed over under this name."""
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else None


def metrics_dir(settings: Settings) -> Path:
    """Where the gateway's processes add up their counters (`PROMETHEUS_MULTIPROC_DIR`)."""
    return settings.home / "metrics"


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment for a process this hub starts."""
    return {
        **os.environ,
        "HUB_HOME": str(settings.home),
        "HUB_HOST": settings.host,
        "HUB_PORT": str(settings.port),
        "HUB_TIMEZONE": settings.timezone,
        "HUB_LANGUAGE": settings.language,
        "PROMETHEUS_MULTIPROC_DIR": str(metrics_dir(settings)),
        "PYTHONUNBUFFERED": "1",
    }


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    except YAMLError as error:
        raise ConfigError(str(error), place=str(path)) from error
    if not isinstance(data, dict):
        raise ConfigError("must be a table of names and values", place=str(path))
    return data
