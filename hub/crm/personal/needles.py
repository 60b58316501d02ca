"""How a raw text is searched for a person: their phones in any spelling, e-mails, INN, names.

Pure: bytes in, places out. What is found is masked byte for byte, so that JSON stays JSON and a
form stays a form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

from hub.crm.personal.person import Person

#: What stands between the digits of a phone: spaces, dashes, brackets, as they are or escaped.
_GAP: Final = rb"(?:[ \t\-().+]|%2[0-9A-Da-d]|\xc2\xa0|\\u00[aA]0){0,3}"
_BETWEEN: Final = b" \t-().+\xc2\xa0"
_ESCAPED: Final = re.compile(rb"%2[0-9A-Da-d]")
_AT: Final = rb"(?:@|%40|\\u0040|=40)"
#: Fewer digits are an extension or a house number, not a person.
MIN_PHONE_DIGITS: Final = 7
NATIONAL_DIGITS: Final = 10
MASK: Final = b"*"
Pattern = re.Pattern[bytes]


def pointers(person: Person) -> Pattern | None:
    """What finds their phones, e-mails and INN in any event; None when they have none."""
    return _any(
        [
            *(_phone(one) for one in _own(person, person.phones)),
            *(_email(one) for one in _own(person, person.emails)),
            *(rb"(?<!\d)" + re.escape(one.encode()) + rb"(?!\d)" for one in person.inns),
        ]
    )


def everything(person: Person) -> Pattern | None:
    """Names and addresses too: for events that are known to tell of them."""
    known = pointers(person)
    parts = [known.pattern] if known else []
    for text in sorted(person.texts, key=len, reverse=True):
        parts += sorted(_spellings(text), key=len, reverse=True)
    return _any(parts)


class Quick:
    """Tells at memory's speed which bodies are worth a closer look; it misses none that match."""

    def __init__(self, person: Person) -> None:
        digits = [re.sub(r"\D", "", one)[-NATIONAL_DIGITS:] for one in _own(person, person.phones)]
        self._numbers = [one.encode() for one in digits if len(one) >= MIN_PHONE_DIGITS]
        self._words = [
            one.partition("@")[0].lower().encode() for one in _own(person, person.emails)
        ]
        self._words += [one.encode() for one in person.inns]

    def may_hold(self, body: bytes) -> bool:
        """Whether the body may tell of the person."""
        lowered = body.lower()
        if any(word in lowered for word in self._words):
            return True
        squeezed = body.translate(None, _BETWEEN)
        if b"%2" in squeezed:
            squeezed = _ESCAPED.sub(b"", squeezed)
        squeezed = squeezed.replace(b"\\u00a0", b"").replace(b"\\u00A0", b"")
        return any(number in squeezed for number in self._numbers)


def mask(body: bytes, pattern: Pattern) -> tuple[bytes, int]:
    """The body with every find replaced by as many stars, and how many there were."""
    return pattern.subn(lambda found: MASK * len(found[0]), body)


def mask_text(text: str, pattern: Pattern) -> tuple[str, int]:
    """The same of a text."""
    masked, count = mask(text.encode("utf-8", "surrogatepass"), pattern)
    return (masked.decode("utf-8", "surrogatepass"), count) if count else (text, 0)


def _own(person: Person, points: Iterable[str]) -> list[str]:
    """Those that no other client has: where they stand, this person is meant."""
    return [one for one in points if one not in person.shared]


def _any(parts: Iterable[bytes]) -> Pattern | None:
    known = list(dict.fromkeys(part for part in parts if part))
    return re.compile(b"|".join(known), re.IGNORECASE) if known else None


def _phone(phone: str) -> bytes:
    digits = re.sub(r"\D", "", phone)
    if len(digits) < MIN_PHONE_DIGITS:
        return b""
    national, prefix = digits[-NATIONAL_DIGITS:], digits[:-NATIONAL_DIGITS]
    spelled = _GAP.join(digit.encode() for digit in national)
    countries = sorted({prefix, "8" if prefix == "7" else prefix} - {""})
    before = rb"(?<!\d)"
    if countries:
        # Between a plus that a form escaped (%2B) and the number there is no digit of its own.
        codes = b"|".join(re.escape(code.encode()) for code in countries)
        before = rb"(?:(?<!\d)|(?<=%2[bB]))(?:(?:" + codes + rb")" + _GAP + rb")?"
    return before + spelled + rb"(?!\d)"


def _email(email: str) -> bytes:
    local, _, domain = email.partition("@")
    if not (local and domain):
        return b""
    found = re.escape(local.encode()) + _AT + re.escape(domain.encode())
    return rb"(?<![\w.])" + found + rb"(?![\w])"


def _spellings(text: str) -> set[bytes]:
    """A text as JSON, a form, a query or an old Windows program writes it."""
    found = {text.encode(), text.lower().encode()}
    found |= {json.dumps(text)[1:-1].encode(), quote_plus(text).encode(), quote(text).encode()}
    for encoding in ("cp1251", "koi8-r"):
        try:
            found.add(text.encode(encoding))
        except UnicodeEncodeError:
            continue
    return {re.escape(one) for one in found if one}
