"""The smallest pieces of pages, made once and kept: icons and badges. A list has hundreds."""

from __future__ import annotations

from functools import lru_cache

from flask import g
from markupsafe import Markup

from hub.web.assets import VENDOR, asset
from hub.web.words import word

_ICON = Markup(
    '<svg class="icon {extra}" aria-hidden="true"><use href="{sprite}#{name}"></use></svg>'
)
_BADGE = Markup('<span class="badge bg-{tone}-lt status-word">{icon}{text}</span>')


def icon(name: str, extra: str = "") -> Markup:
    """An icon of the sprite, which only adds to words beside it; `extra`: more classes."""
    return _icon(asset(VENDOR["icons"]), name, extra)


def badge(kind: str, value: str | None) -> Markup:
    """A status in words, with its icon and tone (hub/web/words)."""
    said: dict[tuple[str, str | None], Markup] = g.setdefault("badges", {})
    key = (kind, value)
    if key not in said:
        shown = word(kind, value)
        said[key] = _BADGE.format(tone=shown.tone, icon=icon(shown.icon), text=shown.label)
    return said[key]


def plain_badge(text: object, icon_name: str = "circle-dashed", tone: str = "secondary") -> Markup:
    """Words that are no status of the hub, made like one."""
    return _BADGE.format(tone=tone, icon=icon(icon_name), text=text)


@lru_cache(maxsize=1024)
def _icon(sprite: str, name: str, extra: str) -> Markup:
    return _ICON.format(sprite=sprite, name=name, extra=extra)
