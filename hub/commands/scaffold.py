"""`hub new-connector NAME`: a copy of the small teaching connector, which passes the suite."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import click

from hub.registry import CONNECTORS
from hub.sdk.errors import ConfigError
from hub.settings import ROOT

TEMPLATES = Path(__file__).parent.parent / "scaffold"
SUFFIX = ".tmpl"
NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


@click.command("new-connector", help="Заготовка коннектора · Copy the teaching connector")
@click.argument("name")
def new_connector(name: str) -> None:
    """Make connectors/NAME and mappings/NAME; the contract suite passes on them at once."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            f"«{name}» is no name for a connector: small letters, digits and «_», a letter first",
            place="NAME",
        )
    made = create(name, CONNECTORS, ROOT / "mappings")
    for path in made:
        click.echo(str(path.relative_to(ROOT)))
    click.echo(f"проверка · test it: .venv/bin/pytest -q tests/contract -k {name}")


def create(name: str, connectors: Path, mappings: Path) -> list[Path]:
    """Write the copies; returns the files. ConfigError when something of this name is there."""
    targets = {"connector": connectors / name, "mappings": mappings / name}
    for target in targets.values():
        if target.exists():
            raise ConfigError("exists already", place=str(target))
    made = [_copy(template, targets, name) for template in sorted(TEMPLATES.rglob("*.*"))]
    package = targets["connector"] / "__init__.py"
    package.touch()
    return sorted([*made, package])


def _copy(template: Path, targets: dict[str, Path], name: str) -> Path:
    """A template with its names filled in; a file without the suffix byte for byte (a fixture's
    signature covers its bytes)."""
    part, *rest = template.relative_to(TEMPLATES).parts
    path = targets[part].joinpath(*rest)
    raw = template.read_bytes()
    if path.name.endswith(SUFFIX):
        path = path.with_name(path.name.removesuffix(SUFFIX))
        raw = raw.replace(b"__NAME__", name.encode())
        raw = raw.replace(b"__UPPER__", name.upper().encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path
