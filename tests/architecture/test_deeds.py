"""Every deed that the code enters into the audit log, and what it was done to, has words."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

from hub.web.words.people import WORDS

#: Which argument of a call names the deed.
PLACES = {"record": 2, "log_deed": 0, "_note": 0, "_audit_look": 1}


def texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def name_of(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr if ast.unparse(call.func) == "audit.record" else ""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def subjects(tree: ast.AST) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        place = {"record": 3, "log_deed": 1}.get(name_of(call), len(call.args))
        yield from (one for arg in call.args[place : place + 1] for one in texts(arg))


def deeds(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "_audit_look":
            yield from (one for default in node.args.defaults for one in texts(default))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "action":
            yield from texts(node.value)
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node)
        if name == "audit_view":
            yield from (f"view {one}" for one in texts(node.args[0]))
        elif (place := PLACES.get(name)) is not None and len(node.args) > place:
            yield from texts(node.args[place])


def entered(look: Callable[[ast.AST], Iterator[str]]) -> set[str]:
    return {one for path in Path("hub").rglob("*.py") for one in look(ast.parse(path.read_text()))}


def test_every_deed_has_words() -> None:
    found = entered(deeds)
    assert len(found) > 50
    assert found - set(WORDS["deed"]) == set()


def test_every_subject_has_words() -> None:
    found = entered(subjects)
    assert len(found) > 10
    assert found - set(WORDS["subject"]) - {""} == set()
