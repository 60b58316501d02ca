"""What one warehouse has of a product, as a cell of a table. A page has hundreds of them."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from babel import Locale
from flask_babel import gettext as _
from markupsafe import Markup, escape

from hub.web.formats import NOTHING, locale, quantity

_EMPTY = Markup('<span class="sub">{}</span>').format(NOTHING)


def stock_cell(
    free: Decimal | None,
    whole: Decimal | None = None,
    reserved: Decimal | None = None,
    is_low: bool = False,
    unit: str | None = "",
) -> Markup:
    """What is free, then the rest in small; never by colour alone. None: not kept there."""
    if free is None:
        return _EMPTY
    return _cell(free, whole, reserved, bool(is_low), unit or "", locale())


@lru_cache(maxsize=16_384)
def _cell(
    free: Decimal,
    whole: Decimal | None,
    reserved: Decimal | None,
    is_low: bool,
    unit: str,
    _where: Locale,
) -> Markup:
    tone = "left-low" if is_low or free < 0 else "left-none" if free == 0 else ""
    parts = [Markup('<strong class="{}">{}</strong>').format(tone, quantity(free))]
    if unit:
        parts.append(Markup(' <span class="sub">{}</span>').format(unit))
    if is_low:
        parts.append(Markup(' <span class="sub">{}</span>').format(_("low")))
    if whole is not None and whole != free:
        parts.append(_small(_("of %(number)s", number=quantity(whole))))
    if reserved:
        parts.append(_small(_("reserved %(number)s", number=quantity(reserved))))
    return Markup().join(parts)


def _small(text: str) -> Markup:
    return Markup('<div class="sub">{}</div>').format(escape(text))
