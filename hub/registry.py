"""Finds connectors by their folders, `connectors/<name>/manifest.yml`; nothing lists them."""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hub.sdk.connection import Connection, Secrets
from hub.sdk.errors import ConfigError
from hub.sdk.manifest import Manifest, build_manifest
from hub.sdk.profiles import laid, profile_of
from hub.sdk.protocols import (
    Accepted,
    Answer,
    Check,
    Converse,
    CursorSince,
    EventKey,
    EventText,
    History,
    Originate,
    Parse,
    Push,
    PushStock,
    Read,
    ReadUpload,
    RecordingLink,
    Refused,
    SampleRequest,
    Verify,
)
from hub.sdk.settings_check import check_names, checked_settings

ROOT = Path(__file__).resolve().parent.parent
CONNECTORS = ROOT / "connectors"
CONNECTION_KEYS = (
    "connector",
    "title",
    "settings",
    "secrets",
    "schedule",
    "mappings",
    "destinations",
)
_importing = threading.Lock()


@cache
def manifests() -> dict[str, Manifest]:
    """Every connector's checked manifest, by name."""
    found = {}
    for path in sorted(CONNECTORS.glob("*/manifest.yml")):
        try:
            data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        except YAMLError as error:
            raise ConfigError(str(error), place=str(path)) from error
        found[path.parent.name] = build_manifest(data, path.parent)
    return found


@cache
def messages() -> dict[str, str]:
    """What connectors' errors say: English template with named places → Russian.

    Each folder brings its own `messages.yml`; one whose errors are Russian already needs none.
    """
    found: dict[str, str] = {}
    for path in sorted(CONNECTORS.glob("*/messages.yml")):
        try:
            rows = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
            found.update((row["en"], row["ru"]) for row in rows)
        except (YAMLError, KeyError, TypeError) as error:
            raise ConfigError(str(error), place=str(path)) from error
    return found


class Connector:
    """One connector's code: each capability is its function, or None when it lacks it."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    @cached_property
    def _webhook(self) -> ModuleType | None:
        return _module(self.manifest.name, "webhook")

    @cached_property
    def _poll(self) -> ModuleType | None:
        return _module(self.manifest.name, "poll")

    @cached_property
    def _sink(self) -> ModuleType | None:
        return _module(self.manifest.name, "sink")

    @cached_property
    def verify(self) -> Verify | None:
        return getattr(self._webhook, "verify", None)

    @cached_property
    def answer(self) -> Answer | None:
        return getattr(self._webhook, "answer", None)

    @cached_property
    def accepted(self) -> Accepted | None:
        return getattr(self._webhook, "accepted", None)

    @cached_property
    def refused(self) -> Refused | None:
        return getattr(self._webhook, "refused", None)

    @cached_property
    def event_key(self) -> EventKey | None:
        return getattr(self._webhook, "event_key", None)

    @cached_property
    def event_type(self) -> EventText | None:
        return getattr(self._webhook, "event_type", None)

    @cached_property
    def ordering_key(self) -> EventText | None:
        return getattr(self._webhook, "ordering_key", None)

    @cached_property
    def parse(self) -> Parse | None:
        return getattr(self._webhook, "parse", None)

    @cached_property
    def read(self) -> Read | None:
        return getattr(self._poll, "read", None)

    @cached_property
    def history(self) -> History | None:
        return getattr(self._poll, "history", None)

    @cached_property
    def push(self) -> Push | None:
        return getattr(self._sink, "push", None)

    @cached_property
    def push_stock(self) -> PushStock | None:
        return getattr(self._sink, "push_stock", None)

    @cached_property
    def converse(self) -> Converse | None:
        return getattr(_module(self.manifest.name, "dialogue"), "converse", None)

    @cached_property
    def read_upload(self) -> ReadUpload | None:
        return getattr(_module(self.manifest.name, "upload"), "read_upload", None)

    @property
    def takes_changes(self) -> bool:
        """Whether changes can go out to it: pushed by the hub, or fetched in a dialogue."""
        return self.push is not None or "outbox" in self.manifest.directions

    @cached_property
    def explore(self) -> ModuleType | None:
        """Its module `explore`: operations and sample, for an admin who picks what to poll."""
        return _module(self.manifest.name, "explore")

    @cached_property
    def recording_link(self) -> RecordingLink | None:
        return getattr(_module(self.manifest.name, "client"), "recording_link", None)

    @cached_property
    def originate(self) -> Originate | None:
        return getattr(_module(self.manifest.name, "client"), "originate", None)

    @cached_property
    def check(self) -> Check | None:
        for module in (self._poll, self._sink, self._webhook):
            if function := getattr(module, "check", None):
                return function  # type: ignore[no-any-return]  # found by name; the contract suite checks its shape
        return None

    @cached_property
    def emulator(self) -> Any:
        """The class `Emulator` of the connector's emulator module."""
        return getattr(_module(self.manifest.name, "emulator"), "Emulator", None)

    @cached_property
    def sample(self) -> SampleRequest | None:
        """One event as the vendor would send it to a connection."""
        return getattr(_module(self.manifest.name, "sample"), "sample", None)

    @cached_property
    def cursor_since(self) -> CursorSince | None:
        return getattr(self._poll, "cursor_since", None)


def _module(name: str, part: str) -> ModuleType | None:
    path = f"connectors.{name}.{part}"
    with _importing:
        if importlib.util.find_spec(path) is None:
            return None
        return importlib.import_module(path)


@cache
def connector(name: str) -> Connector:
    """The connector of this name; ConfigError lists the known ones."""
    known = manifests()
    if name not in known:
        raise ConfigError(
            f"there is no connector «{name}»; there are: {', '.join(known)}", place="connector"
        )
    return Connector(known[name])


def make_connection(document: Mapping[str, Any], name: str = "test", **options: Any) -> Connection:
    """Check a connection file against the manifest; ConfigError names key and remedy.

    `options` are the Connection's other fields (id, company_timezone, …).
    """
    unknown = sorted(set(document) - set(CONNECTION_KEYS))
    if unknown:
        raise ConfigError(
            f"unknown key «{unknown[0]}»; allowed: {', '.join(CONNECTION_KEYS)}", place=unknown[0]
        )
    manifest = connector(str(document.get("connector", ""))).manifest
    settings = _mapping(document, "settings")
    settings = laid(profile_of(manifest.folder, settings).get("settings"), settings)
    secrets = _mapping(document, "secrets")
    check_names(manifest, settings, secrets)
    for stream in _mapping(document, "schedule"):
        known = [item.name for item in manifest.streams] + list(
            settings.get("streams") or () if manifest.streams_from_settings else ()
        )
        if stream not in known:
            raise ConfigError(
                f"there is no stream «{stream}»; there are: {', '.join(known) or 'none'}",
                place=f"schedule.{stream}",
            )
    return Connection(
        name=name,
        connector=manifest.name,
        title=str(document.get("title") or ""),
        settings=checked_settings(manifest, settings, secrets),
        secrets=Secrets(secrets),
        **options,
    )


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, Mapping):
        raise ConfigError("must be a table of names and values", place=key)
    return value
