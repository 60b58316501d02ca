"""What every application would work out anew, worked out once for all the tests of a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_babel import get_locale
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class Compiled(BytecodeCache):
    """Compiled templates; Jinja itself looks whether their source is still the same."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The site compiles a template for each language by itself."""
        return f"{get_locale()}/{super().get_cache_key(name, filename)}"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket, if its template is known."""
        if known := self._known.get(bucket.key):
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._known[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


def keep_templates(app: Flask) -> Flask:
    """The application, with the templates that another one has compiled already."""
    app.jinja_env.bytecode_cache = COMPILED
    return app


def build_rules_when_asked() -> None:
    """Let a route's URL be compiled when it is first built, not with its application.

    Nine tenths of an application's making is werkzeug compiling two functions for each of 260
    routes; a test builds a dozen of them.
    """
    compile_now: Callable[[Rule, bool], Builder] = Rule._compile_builder

    def compile_later(rule: Rule, append_unknown: bool = True) -> Builder:
        compiled: list[Builder] = []

        def build(self: Rule, /, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(compile_now(rule, append_unknown))
            return compiled[0](self, **values)

        return build

    vars_of_rule: Any = Rule
    vars_of_rule._compile_builder = compile_later
