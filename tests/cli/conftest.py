"""The `hub` command run in this process, in a HUB_HOME of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from connectors.standard_webhook import emulator as site
from hub import settings as hub_settings
from hub.cli import hub
from hub.sdk.errors import HubError
from hub.store.connections import save
from hub.store.store import Store
from tests.support.hub import Hub

VARIABLES = ("DATABASE_URL", "REDIS_URL", "HUB_SECRET_KEY", "HUB_LANGUAGE", "HUB_PORT", "HUB_HOST")


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def last_line(self) -> str:
        return self.out.rstrip("\n").rpartition("\n")[2]


Cli = Callable[..., Answer]


@pytest.fixture
def home(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HUB_HOME with a migrated, empty SQLite store that no hub runs in."""
    assert sqlite_url.endswith(f"{tmp_path / 'home' / 'hub.db'}")
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def cli(home: Path) -> Cli:
    """Run a command; fails unless it ends with `code`. A HubError is what `main` makes of it."""
    assert (home / "hub.db").exists()

    def run(*arguments: str, code: int = 0, stdin: str = "") -> Answer:
        result = CliRunner().invoke(hub, list(arguments), input=stdin)
        error, status = result.stderr, result.exit_code
        if isinstance(result.exception, HubError):
            error += f"{result.exception.message}\n"
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert status == code, f"{status}: {result.stdout}{error}"
        return Answer(status, result.stdout, error)

    return run


@pytest.fixture
def inside(home: Path) -> Iterator[Hub]:
    """The same store, driven by the test."""
    assert (home / "hub.db").exists()
    store = Store.open(hub_settings.load())
    yield Hub(store)
    store.database.dispose()


def write_file(folder: Path, name: str, document: Any) -> Path:
    """A connection file."""
    path = folder / f"{name}.yml"
    if isinstance(document, str):
        path.write_text(document, encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8") as file:
            YAML().dump(document, file)
    return path


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    """A connection file for the site with lead forms."""
    return write_file(tmp_path, "site", site.Emulator().connection())


def break_connection(inside: Hub) -> None:
    """A connection «broken» that lacks its secret, as an older version might have left it."""
    with inside.store.database.write() as db:
        save(db, inside.store.vault, "broken", {"connector": "mailgun"}, author="test")
    inside.store.catalog.forget()
