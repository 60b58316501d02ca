"""The command as a program: names, exit codes, one clear line for what a person can mend."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from hub.cli import hub
from hub.settings import ROOT
from tests.cli.conftest import VARIABLES, Cli

#: The contract of DESIGN §9: these stay.
CONTRACT = {
    "up": (),
    "init": (),
    "doctor": (),
    "connections": ("list", "add", "show", "check", "pause", "resume", "export"),
    "events": ("list", "show", "replay"),
    "sync": ("run",),
    "deliveries": ("list", "replay"),
    "reconcile": (),
    "mappings": ("check", "show", "preview"),
    "mail": ("test",),
    "reports": ("rebuild",),
    "users": ("add", "list", "password", "code-off"),
    "tokens": ("create", "list", "revoke"),
    "secrets": ("rotate",),
    "new-connector": (),
    "backup": (),
    "restore": (),
    "worker": (),
    "scheduler": (),
    "migrate": (),
    "demo": (),
}


def program(
    *arguments: str, folder: Path = ROOT, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess:  # type: ignore[type-arg]  # text in and out
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, "-m", "hub.cli", *arguments],
        cwd=folder,
        env={**environment, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_every_command_of_the_contract_is_there(cli: Cli) -> None:
    assert set(CONTRACT) == set(hub.list_commands(click.Context(hub)))
    for name, parts in CONTRACT.items():
        shown = cli(name, "--help").out
        assert all(part in shown for part in parts)


def test_an_error_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    done = program("connections", "show", "nothing", variables={"HUB_HOME": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr == "there is no connection «nothing»\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"HUB_PORT": "many"}, "HUB_PORT: must be a number"),
        ({"HUB_LANGUAGE": "de"}, "HUB_LANGUAGE: must be one of ru, en"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "the store is away"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    done = program("connections", "list", variables={"HUB_HOME": str(tmp_path), **variables})
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_queue_is_refused(cli: Cli) -> None:
    assert "live, deliver, bulk" in cli("worker", "fast", code=1).err


def test_a_new_home_works_without_init(cli: Cli, tmp_path: Path, site_file: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "fresh"))
    cli("connections", "add", str(site_file))
    assert (tmp_path / "fresh" / "hub.db").stat().st_mode & 0o777 == 0o600


def test_init_may_be_repeated(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "fresh"))
    assert "admin@uzel.local" in cli("init").out
    assert "admin@uzel.local" not in cli("init").out
    assert len(cli("users", "list", "--json").json) == 1
    assert cli("migrate").out == "ok\n"


@pytest.mark.timeout(180)
def test_a_new_connector_passes_the_contract_suite(tmp_path: Path) -> None:
    """In a copy of the project: the suite sees every folder under connectors/."""
    for name in ("hub", "mappings", "config", "pyproject.toml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    for name in ("connectors/_protocols", "tests/contract", "tests/support"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "tests" / "__init__.py").touch()
    done = program("new-connector", "acme_shop", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "connectors/acme_shop/webhook.py" in done.stdout
    again = program("new-connector", "acme_shop", folder=tmp_path)
    assert "exists already" in again.stderr
    assert program("new-connector", "Acme", folder=tmp_path).returncode == 1
    suite = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert suite.returncode == 0, suite.stdout[-3000:]
    assert "acme" not in suite.stdout
    checks = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy", "--follow-imports=silent"))
    for tool, *options in checks:
        command = [sys.executable, "-m", tool, *options, "connectors/acme_shop"]
        checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout
