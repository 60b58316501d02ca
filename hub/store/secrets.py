"""Secrets at rest: encrypted with a key from the environment or a 0600 key file."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hub import settings as hub_settings
from hub.sdk.errors import ConfigError
from hub.store.database import utc_now

KEY_FILE = "secret.key"


def load_key(home: Path, configured: str) -> str:
    """The hub's key: HUB_SECRET_KEY, else the key file, made on first use."""
    if configured:
        return configured
    path = home / KEY_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(Fernet.generate_key().decode() + "\n")
    return path.read_text(encoding="ascii").strip()


def _fernet_key(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"uzel-secrets:" + key.encode()).digest())


class Vault:
    """Encrypts and opens secrets. Several keys, separated by spaces, are valid; the first seals."""

    def __init__(self, key: str) -> None:
        keys = key.split()
        if not keys:
            raise ConfigError("the key is empty", place="HUB_SECRET_KEY")
        self._fernet = MultiFernet([Fernet(_fernet_key(one)) for one in keys])
        self._key = keys[0]

    def seal(self, secrets: Mapping[str, Any]) -> bytes:
        """Encrypt {name: value or reference}."""
        return self._fernet.encrypt(orjson.dumps(dict(secrets)))

    def open(self, sealed: bytes | None) -> dict[str, Any]:
        """Decrypt; ConfigError when the key is not the one that sealed."""
        if not sealed:
            return {}
        try:
            opened: dict[str, Any] = orjson.loads(self._fernet.decrypt(bytes(sealed)))
        except InvalidToken as error:
            raise ConfigError(
                "the stored secrets were sealed with another key; restore it in "
                f"HUB_SECRET_KEY or $HUB_HOME/{KEY_FILE}"
            ) from error
        return opened

    def rotate(self, sealed: bytes) -> bytes:
        """Seal anew with the first key."""
        return self._fernet.rotate(bytes(sealed))

    def derive(self, purpose: str) -> str:
        """A key for another use (sessions, tokens) that does not reveal this one."""
        return hashlib.sha256(f"uzel-{purpose}:{self._key}".encode()).hexdigest()


def remember(secrets: Mapping[str, Any]) -> dict[str, Any]:
    """Secrets as kept: a reference keeps its name and the value it had when it was added.

    So `hub connections add` works with the variable of its own shell, and a later change of the
    hub's variable or file wins.
    """
    kept: dict[str, Any] = {}
    for name, value in secrets.items():
        values = value if isinstance(value, list) else [value]
        kept[name] = [_remember_one(name, str(one)) for one in values]
    return kept


def _remember_one(name: str, value: str) -> dict[str, str]:
    if not value.startswith(("env:", "file:")):
        return {"value": value}
    found = hub_settings.secret_reference(value)
    if found is None:
        raise ConfigError(f"«{value}» gives nothing", place=f"secrets.{name}")
    return {"ref": value, "value": found}


def stamped(kept: Mapping[str, Any], author: str) -> dict[str, Any]:
    """The same values with who added them and when."""
    added = {"at": utc_now().isoformat(), "by": author}
    return {name: [{**one, **added} for one in values] for name, values in kept.items()}


def ends_at(value: Mapping[str, str]) -> datetime | None:
    """When a value on its way out stops being valid; None: nobody set an end."""
    return datetime.fromisoformat(value["until"]) if value.get("until") else None


def is_valid(value: Mapping[str, str], now: datetime) -> bool:
    """Whether the value counts at this moment."""
    end = ends_at(value)
    return end is None or end > now


def next_end(kept: Mapping[str, Sequence[Mapping[str, str]]]) -> datetime | None:
    """The first moment from now on at which a value stops being valid."""
    ends = [ends_at(one) for values in kept.values() for one in values]
    return min((end for end in ends if end and end > utc_now()), default=None)


def resolve(kept: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, list[str]]:
    """The values that are valid now, the newest of each secret first."""
    resolved: dict[str, list[str]] = {}
    now = utc_now()
    for name, values in kept.items():
        found = [
            (hub_settings.secret_reference(one["ref"]) if "ref" in one else None) or one["value"]
            for one in values
            if is_valid(one, now)
        ]
        if found:
            resolved[name] = found
    return resolved
