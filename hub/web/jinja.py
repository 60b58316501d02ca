"""The templates' environment: every language compiled by itself, calls without ceremony.

A list says some hundred words and makes a thousand calls. Asked at each word, gettext took a
quarter of a page's time; so a template is compiled once per language, and what `_("…")` and
`{% trans %}` say there is text of the template like any other.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, MutableMapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from flask.templating import Environment
from flask_babel import get_locale, get_translations
from jinja2 import Template, nodes
from jinja2.runtime import Context, Macro
from jinja2.visitor import NodeTransformer

#: What templates call to say a text that is known when they are compiled.
_SAYERS: Final = ("_", "gettext")
_PLAIN: Final = (FunctionType, BuiltinFunctionType, MethodType, type)


class SiteContext(Context):
    """Calls macros and plain functions at once; only what wants the context goes the long way."""

    def call(__self, __obj: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # as the parent's: names of arguments stay free
        """Call what a template calls."""
        kind = type(__obj)
        if kind is Macro or (kind in _PLAIN and not hasattr(__obj, "jinja_pass_arg")):
            if kwargs:
                kwargs.pop("_block_vars", None)
                kwargs.pop("_loop_vars", None)
            return __obj(*args, **kwargs)
        return super().call(__obj, *args, **kwargs)


class SiteEnvironment(Environment):
    """Templates by their name and the reader's language."""

    context_class = SiteContext

    def _load_template(self, name: str, globals: MutableMapping[str, Any] | None) -> Template:  # noqa: A002  # as the parent's
        assert self.loader is not None
        assert self.cache is not None
        key: Any = (weakref.ref(self.loader), f"{get_locale()}/{name}")
        template: Template | None = self.cache.get(key)
        if template is None or (self.auto_reload and not template.is_up_to_date):
            template = self.cache[key] = self.loader.load(self, name, self.make_globals(globals))
        elif globals:
            template.globals.update(globals)
        return template

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if get_locale() is not None:
            tree = _Saying(get_translations().ugettext).visit(tree)
        return tree


class _Saying(NodeTransformer):
    """Puts what gettext would say in the place of its calls."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        self._translate = translate

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  # the visitor names it
        """A text with nothing in it becomes a constant, one with values a filling in of them."""
        self.generic_visit(node)
        if not _is_said(node):
            return node
        text = self._translate(node.args[0].value)  # type: ignore[attr-defined]  # _is_said: a constant
        if not node.kwargs:
            # As the call would do: «%%» is a percent sign even where nothing is put in.
            return nodes.MarkSafeIfAutoescape(nodes.Const(text % {}), lineno=node.lineno)
        pairs = [nodes.Pair(nodes.Const(one.key), one.value) for one in node.kwargs]
        said = nodes.MarkSafeIfAutoescape(nodes.Const(text))
        return nodes.Mod(said, nodes.Dict(pairs), lineno=node.lineno)


def _is_said(node: nodes.Call) -> bool:
    return (
        isinstance(node.node, nodes.Name)
        and node.node.name in _SAYERS
        and len(node.args) == 1
        and isinstance(node.args[0], nodes.Const)
        and isinstance(node.args[0].value, str)
        and node.dyn_args is None
        and node.dyn_kwargs is None
    )
