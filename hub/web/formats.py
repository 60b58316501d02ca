"""How values look to people: times in the company's zone, phones, money, quantities, JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import phonenumbers
from babel import Locale, dates, numbers, units
from flask import Flask, g, has_app_context
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup, escape

from hub.mapping.transforms import MISSING
from hub.store.database import utc_now
from hub.web.context import company_zone, local_now, people

NOTHING = "—"
_SHORT = {"ru": ("d MMM, HH:mm", "d MMM y, HH:mm"), "en": ("d MMM, HH:mm", "d MMM y, HH:mm")}


def locale() -> Locale:
    """The locale of this request, asked once: a page needs it at each of its numbers."""
    try:
        known: Locale = g.locale
    except (AttributeError, RuntimeError):  # not asked yet, or outside of any request
        known = get_locale() or Locale("ru")
        if has_app_context():
            g.locale = known
    return known


def _clock() -> tuple[ZoneInfo, date]:
    """The company's zone and its today, asked once a request."""
    known: tuple[ZoneInfo, date] | None = g.get("clock")
    if known is None:
        known = g.clock = (company_zone(), local_now().date())
    return known


def moment_text(moment: datetime) -> str:
    """A moment: the time alone today, with the day this year, with the year before."""
    return _moment(moment, *_clock(), locale())


def when(moment: datetime | str | None) -> str | Markup:
    """A moment as a <time> with the full time on hover."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment is None:
        return NOTHING
    return _when(moment, moment.tzinfo, *_clock(), locale())


# Babel takes a tenth of a millisecond a moment, a list has fifty, and many look at the same list.
# Moments of two zones may be equal and still be written otherwise: the zone is of the key.
@lru_cache(maxsize=8192)
def _when(
    moment: datetime, _own: tzinfo | None, zone: ZoneInfo, today: date, where: Locale
) -> Markup:
    full = dates.format_datetime(moment.astimezone(zone), "d MMMM y, HH:mm:ss (VV)", locale=where)
    shown = escape(_moment(moment, zone, today, where))
    return Markup(f'<time datetime="{moment.isoformat()}" title="{escape(full)}">{shown}</time>')  # noqa: S704  # both are escaped, the moment is ours


@lru_cache(maxsize=8192)
def _moment(moment: datetime, zone: ZoneInfo, today: date, where: Locale) -> str:
    local = moment.astimezone(zone)
    if local.date() == today:
        return dates.format_time(local, "HH:mm", locale=where)
    same_year, other_year = _SHORT.get(where.language, _SHORT["en"])
    pattern = same_year if local.year == today.year else other_year
    return dates.format_datetime(local, pattern, locale=where)


def day_title(day: date) -> str:
    """A day with its weekday: «среда, 12 января»."""
    return dates.format_date(day, "EEEE, d MMMM", locale=locale())


def ago(moment: datetime) -> str:
    """How long ago, in words: «42 минуты»."""
    return span((utc_now() - moment).total_seconds())


def span(seconds: float) -> str:
    """A length of time in words, to the largest unit."""
    delta = timedelta(seconds=max(0, seconds))
    return dates.format_timedelta(delta, granularity="second", threshold=1.2, locale=locale())


def duration(seconds: int | None) -> str:
    """Seconds as m:ss or h:mm:ss."""
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def wait_until(low: float, high: float) -> str:
    """A wait between so many seconds, in the unit one would say it in: 25–35 min, 1.7–2.3 hr."""
    unit, size, digits = "hour", 3600, 1
    if high < 180:
        unit, size, digits = "second", 1, 0
    elif high < 3600:
        unit, size, digits = "minute", 60, 0
    first = numbers.format_decimal(round(low / size, digits), locale=locale())
    last = units.format_unit(round(high / size, digits), unit, "short", locale=locale())
    return f"{first}–{last}"


def phone(value: str | None) -> str:
    """A phone in international spelling; an extension as it is."""
    if not value:
        return NOTHING
    return _phone(value)


@lru_cache(maxsize=8192)
def _phone(value: str) -> str:
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return value
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def decimal_of(value: Any) -> Decimal | None:
    """A number that may be stored as text; None when it is none."""
    if type(value) is Decimal:
        return value
    try:
        return Decimal(str(value)) if value not in (None, "") else None
    except ArithmeticError:
        return None


def money(value: Any, currency: str | None = None) -> str:
    """An amount with its currency; kopecks only where there are any."""
    amount = decimal_of(value)
    if amount is None or not amount.is_finite():
        return NOTHING
    return _money(amount, currency or "", locale())


# Babel takes 30–60 µs a number, a list has hundreds, and most of them are the same few.
@lru_cache(maxsize=8192)
def _money(amount: Decimal, currency: str, where: Locale) -> str:
    pattern = "#,##0" if amount == amount.to_integral_value() else "#,##0.00"
    if not currency:
        return numbers.format_decimal(amount, pattern, locale=where)
    sign = "\xa4\xa0" if where.language == "en" and currency not in ("USD", "EUR") else "\xa4"
    pattern = f"{pattern}\xa0\xa4" if where.language == "ru" else f"{sign}{pattern}"
    try:
        return numbers.format_currency(
            amount, currency, pattern, locale=where, currency_digits=False
        )
    except (ValueError, LookupError):
        return f"{numbers.format_decimal(amount, locale=where)} {currency}"


def quantity(value: Any) -> str:
    """A quantity with as many digits after the point as it has."""
    amount = decimal_of(value)
    if amount is None or not amount.is_finite():
        return NOTHING
    return _quantity(amount, locale())


@lru_cache(maxsize=8192)
def _quantity(amount: Decimal, where: Locale) -> str:
    return numbers.format_decimal(amount, "#,##0.######", locale=where)


def count(value: int) -> str:
    """A whole number with groups of digits."""
    return _count(value, locale())


@lru_cache(maxsize=8192)
def _count(value: int, where: Locale) -> str:
    return numbers.format_decimal(value, "#,##0", locale=where)


def size(value: int) -> str:
    """Bytes as people read them."""
    if value < 1024:
        return str(_("%(number)s B", number=value))
    if value < 1024**2:
        return str(_("%(number)s KB", number=count(round(value / 1024))))
    if value < 1024**3:
        return str(_("%(number)s MB", number=count(round(value / 1024**2))))
    return str(_("%(number)s GB", number=quantity(round(Decimal(value) / 1024**3, 1))))


def person(email: str | None) -> str:
    """A manager's name where the hub knows it, else what the source calls them."""
    return people().get(email, email) if email else NOTHING


def plain(value: Any) -> str:
    """Any value of a record or a trace as one text."""
    if value is MISSING:
        return str(_("not in the data"))
    if value is None:
        return str(_("empty"))
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, str):
        return value or str(_("empty text"))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping | list | tuple):
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return str(value)


def pretty(value: Any) -> str:
    """JSON on several lines."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=_plain_key, option=options).decode()


def _plain_key(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def local_title(titles: Mapping[str, str]) -> str:
    """The title of a connector, stream or setting in the reader's language."""
    return titles.get(locale().language) or titles["en"]


def loose(value: Any) -> Mapping[str, Any]:
    """What a source or a summary says, where a missing key is simply empty."""
    return defaultdict(lambda: None, value if isinstance(value, Mapping) else {})


FILTERS = (
    when, day_title, ago, span, duration, wait_until, phone, money, quantity, count, size, person,
    plain, pretty, local_title, loose,
)  # fmt: skip


def init(app: Flask) -> None:
    """Give the templates these filters."""
    for function in FILTERS:
        app.add_template_filter(function)
