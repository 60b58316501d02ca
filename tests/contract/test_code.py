"""What a connector's code may import and how large it may grow."""

from __future__ import annotations

import ast
from pathlib import Path

from hub.registry import CONNECTORS
from tests.contract.cases import code_files, imports_of

FORBIDDEN = {
    "flask",
    "werkzeug",
    "sqlalchemy",
    "alembic",
    "rq",
    "redis",
    "requests",
    "urllib3",
    "httpx",
    "aiohttp",
    "http.client",
    "urllib.request",
    "subprocess",
    "pickle",
    "marshal",
}
#: An emulator is a vendor, not a connector: it may serve, and start the server it stands for.
EMULATOR_MAY = {"werkzeug", "requests", "subprocess"}
#: The design calls 150 to 400 healthy; a PBX that is also asked and told needs a little more.
MAX_CODE_LINES = 500


def allowed(name: str, module: str, emulator: bool) -> bool:
    root = module.partition(".")[0]
    if root == "hub":
        return module == "hub.sdk" or module.startswith("hub.sdk.") or module == "hub"
    if root == "connectors":
        own = (f"connectors.{name}", "connectors._protocols")
        return module == "connectors" or module.startswith(own)
    if emulator and root in EMULATOR_MAY:
        return True
    return not any(module == bad or module.startswith(f"{bad}.") for bad in FORBIDDEN)


def parse_file(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def test_imports(name: str) -> None:
    wrong = [
        f"{path.name}:{line} imports {module}"
        for path in code_files(name)
        for module, line in imports_of(parse_file(path))
        if not allowed(name, module, is_emulator(path))
    ]
    assert not wrong


def is_emulator(path: Path) -> bool:
    """Whether the file plays the vendor: its copy for tests and the demo, or an admin's sample."""
    return path.stem.split("_")[0] in {"emulator", "sample"}


def test_no_import_of_bare_packages(name: str) -> None:
    """`from hub import registry` and `from connectors import other` are no way round."""
    for path in code_files(name):
        for node in ast.walk(parse_file(path)):
            if isinstance(node, ast.ImportFrom) and node.module in {"hub", "connectors"}:
                assert {alias.name for alias in node.names} <= {"sdk", "_protocols", name}


def test_the_emulator_is_not_part_of_the_connector(name: str) -> None:
    for path in code_files(name):
        if not is_emulator(path):
            modules = [module for module, _ in imports_of(parse_file(path))]
            assert "hub.sdk.testing" not in modules
            assert f"connectors.{name}.emulator" not in modules


def test_no_environment_no_sleep_no_print(name: str) -> None:
    wrong = []
    for path in code_files(name):
        if is_emulator(path):
            continue
        for node in ast.walk(parse_file(path)):
            called = node.attr if isinstance(node, ast.Attribute) else ""
            called = node.id if isinstance(node, ast.Name) else called
            if called in {"environ", "getenv", "sleep", "print", "eval", "exec"}:
                wrong.append(f"{path.name}:{getattr(node, 'lineno', 0)} uses {called}")
    assert not wrong


def test_parse_does_not_read_the_clock(name: str) -> None:
    """`now` and `received_at` come as arguments, so a replay gives what the first run gave."""
    path = CONNECTORS / name / "webhook.py"
    if path.exists():
        called = {
            node.func.attr
            for node in ast.walk(parse_file(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & {"now", "utcnow", "today", "time_ns"}


def test_the_package_file_is_empty(name: str) -> None:
    assert (CONNECTORS / name / "__init__.py").read_text() == ""


def code_lines(path: Path) -> int:
    """Lines that are neither blank, nor a comment, nor a docstring."""
    tree = parse_file(path)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    return sum(
        1
        for number, line in lines
        if number not in skipped and line.strip() and not line.lstrip().startswith("#")
    )


def test_a_connector_stays_small(name: str) -> None:
    sizes = {path.name: code_lines(path) for path in code_files(name) if not is_emulator(path)}
    assert sum(sizes.values()) <= MAX_CODE_LINES, sizes
