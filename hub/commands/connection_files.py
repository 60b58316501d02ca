"""Connection files: read, checked with the line of every error, stored, written out again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.flow import configure
from hub.mapping.model import MappingConfigError, Problem
from hub.mapping.places import locate, plain, read_yaml
from hub.sdk.errors import ConfigError
from hub.settings import ROOT, Settings
from hub.store import audit, facts
from hub.store.connections import NAME_PATTERN, find_row, save
from hub.store.store import Store

FACT = "connection_file:"


@dataclass(frozen=True)
class ConnectionFile:
    """A read connection file. `raw` keeps the places of its keys."""

    path: Path
    name: str
    raw: Any
    document: dict[str, Any]
    digest: str


@dataclass(frozen=True)
class Imported:
    """What became of one file; `error` is empty when it is stored or was already."""

    path: Path
    name: str
    changed: bool = False
    error: str = ""


def read(path: Path) -> ConnectionFile:
    """Read a connection file; ConfigError for a wrong name or what is no YAML table."""
    name = path.stem
    if not re.fullmatch(NAME_PATTERN, name):
        raise ConfigError(
            f"the file's name is the connection's: «{name}» may hold small letters, digits, "
            "«-» and «_» only, and starts with a letter or digit",
            place=str(path),
        )
    if not path.is_file():
        raise ConfigError("there is no such file", place=str(path))
    raw = read_yaml(path, str(path))
    if not isinstance(raw, Mapping):
        raise ConfigError(
            "a connection file is a table: connector, title, settings, …", place=f"{path}:1"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ConnectionFile(path, name, raw, plain(raw), digest)


def check(file: ConnectionFile, known_secrets: Mapping[str, Any] | None = None) -> None:
    """Raise ConfigError with file, line and key unless the connection can work.

    `known_secrets` are stored already and need not be given again.
    """
    mappings = file.raw.get("mappings") or {}
    try:
        configure.check(
            file.name, file.document, known_secrets or (), mappings=mappings, place=str(file.path)
        )
    except MappingConfigError as error:
        raise MappingConfigError([_in_file(file, one) for one in error.problems]) from error
    except ConfigError as error:
        raise placed(file, error) from error


def _in_file(file: ConnectionFile, problem: Problem) -> Problem:
    """A mapping's problem told by the file's own place."""
    prefix = f"{file.path}."
    if not problem.place.startswith(prefix):
        return problem
    entity = problem.place.removeprefix(prefix)
    key = f"mappings.{entity}.{problem.key}".rstrip(".")
    line, column = problem.line, problem.column
    if not line:
        line, column = _line(file, ["mappings", entity])
    return Problem(key, problem.message, str(file.path), line, column)


def placed(file: ConnectionFile, error: ConfigError) -> ConfigError:
    """The error with the file and the line of the key it names."""
    line, column = _line(file, error.place.split(".") if error.place else [])
    return ConfigError(error.message, place=f"{file.path}:{line}:{column}")


def _line(file: ConnectionFile, steps: Sequence[str | int]) -> tuple[int, int]:
    """Where a key stands; what is not in the file at all is missed at its beginning."""
    line, column = locate(file.raw, steps)
    return (line, column) if line else (1, 1)


def store_file(store: Store, file: ConnectionFile, author: str) -> int:
    """Check a file and store its connection; returns the revision. ConfigError names the line."""
    with store.database.read() as db:
        row = find_row(db, file.name)
    check(file, store.vault.open(row.secrets) if row else None)
    try:
        with store.database.write() as db:
            save(db, store.vault, file.name, file.document, author=author, note=file.path.name)
            facts.set_fact(db, FACT + file.name, file.digest)
            audit.record(db, author, "changed", "connection", file.name, {"file": file.path.name})
            row = find_row(db, file.name)
    except ConfigError as error:
        raise placed(file, error) from error
    store.catalog.forget()
    assert row is not None
    return int(row.revision)


def folders(settings: Settings) -> list[Path]:
    """Where connection files are looked for, later ones winning."""
    return [ROOT / "config" / "connections", settings.home / "connections"]


def import_all(store: Store, author: str) -> list[Imported]:
    """Store every connection file that changed since it was last stored.

    A file that did not change is left alone, so what people changed on the site stays. One wrong
    file stops none of the others.
    """
    files = {path.stem: path for folder in folders(store.settings) for path in _files_in(folder)}
    return [_import_one(store, path, author) for _, path in sorted(files.items())]


def _files_in(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.glob("*.yml")) if not path.name.startswith("."))


def _import_one(store: Store, path: Path, author: str) -> Imported:
    try:
        file = read(path)
        with store.database.read() as db:
            known = facts.get_fact(db, FACT + file.name) == file.digest
            if known and find_row(db, file.name) is not None:
                return Imported(path, file.name)
        store_file(store, file, author)
    except ConfigError as error:
        return Imported(path, path.stem, error=error.message)
    return Imported(path, file.name, changed=True)
