"""Private environments of the peers: a virtual environment or an npm prefix each, pinned."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.peers.place import HOME, Unavailable

INSTALL_SECONDS = 1_800


def environment_folder(name: str) -> Path:
    """Where the peer of this name has its libraries."""
    return HOME / "env" / name


def python(name: str, program: str = "python") -> str:
    """A program of a Python peer's environment."""
    return str(environment_folder(name) / "bin" / program)


def python_packages(name: str, folder: Path, package: str) -> str:
    """Have `folder/requirements.txt` in the peer's own environment; the version of `package`."""
    pins = (folder / "requirements.txt").read_text(encoding="utf-8")
    home = environment_folder(name)
    if not _is_done(home, pins):
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)], home.parent)
        pip = [python(name), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "install", "-r", str(folder / "requirements.txt")], home.parent)
        _mark(home, pins)
    found = (line.partition("==") for line in pins.splitlines())
    return next(version for known, _, version in found if known.lower() == package)


def node_packages(name: str, folder: Path, package: str, oldest_node: int) -> str:
    """Have `folder/package.json` in the peer's own prefix; the version of `package`."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise Unavailable("node and npm are not installed")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.lstrip("v").partition(".")[0]) < oldest_node:
        raise Unavailable(f"needs node {oldest_node} or newer, here is {said.strip()}")
    wanted = (folder / "package.json").read_text(encoding="utf-8")
    home = environment_folder(name)
    if not _is_done(home, wanted):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copy(folder / "package.json", home)
        _run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], home)
        _mark(home, wanted)
    return str(json.loads(wanted)["dependencies"][package])


def _is_done(home: Path, wanted: str) -> bool:
    mark = home / ".installed"
    return mark.is_file() and mark.read_text(encoding="ascii") == _digest(wanted)


def _mark(home: Path, wanted: str) -> None:
    (home / ".installed").write_text(_digest(wanted), encoding="ascii")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _run(command: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # The headers of a system-wide node, for packages that must be compiled.
    extra = {"npm_config_nodedir": "/usr"} if Path("/usr/include/node/node.h").exists() else {}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **extra},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"its installation took longer than {INSTALL_SECONDS} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no words"]
        raise Unavailable(f"cannot be installed: {' '.join(lines[-2:])[:300]}")
