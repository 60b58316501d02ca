"""The site's menu. Each module of views adds its own entries; nothing central lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Section = Literal["managers", "admin"]


@dataclass(frozen=True, order=True)
class Item:
    """One entry: where it stands in its section, where it leads, which pages belong to it."""

    order: int
    endpoint: str
    title: Any
    icon: str
    also: tuple[str, ...] = ()
    #: Roles that see it; empty: everybody who sees the section.
    roles: tuple[str, ...] = ()
    #: How many things there are late: shown beside the title, unless it is 0. Asked at each page.
    badge: Callable[[], int] | None = field(default=None, compare=False)


_ITEMS: Final[dict[Section, dict[str, Item]]] = {"managers": {}, "admin": {}}


def add(
    section: Section,
    order: int,
    endpoint: str,
    title: Any,
    icon: str,
    also: tuple[str, ...] = (),
    roles: tuple[str, ...] = (),
    badge: Callable[[], int] | None = None,
) -> None:
    """Add an entry; `title` is a lazy text. `order`: tens, so that others fit between."""
    _ITEMS[section][endpoint] = Item(order, endpoint, title, icon, also, roles, badge)


def items(section: Section, role: str) -> list[Item]:
    """The entries of a section that this role sees, in their order."""
    found = [item for item in _ITEMS[section].values() if not item.roles or role in item.roles]
    return sorted(found, key=lambda item: (item.order, item.endpoint))
