"""1C's `$filter` as an emulator reads it: what the platform takes, and its errors for the rest."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

Row = Mapping[str, Any]
Test = Callable[[Row], bool]
_TOKEN: Final = re.compile(
    r"\s*(guid'[^']*'|datetime'[^']*'|'(?:[^']|'')*'|-?\d+(?:\.\d+)?|[()]|,|[\w/А-Яа-яЁё]+)"
)
_WORDS: Final = ("substringof", "startswith", "endswith")


class FilterError(Exception):
    """1C's code and words for a filter it does not take."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


def order_key(value: Any) -> Any:
    """How 1C orders a value: references by their bytes as stored, not by their text."""
    if isinstance(value, str):
        try:
            return 1, uuid.UUID(value).bytes_le[::-1], ""
        except ValueError:
            return 2, b"", value
    if isinstance(value, bool):
        return 0, b"", str(int(value))
    return 3, b"", value


def parse_filter(text: str, fields: Mapping[str, str]) -> Test:
    """A condition over rows with these fields; FilterError as 1C answers."""
    tokens = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if not found:
            raise FilterError("14", f"Ошибка разбора отбора в позиции {at}")
        tokens.append(found[1])
        at = found.end()
    parser = _Parser(tokens, fields)
    test = parser.any_of()
    if parser.tokens:
        raise FilterError("14", f"Лишнее в отборе: {parser.tokens[0]}")
    return test


class _Parser:
    def __init__(self, tokens: list[str], fields: Mapping[str, str]) -> None:
        self.tokens, self._fields = tokens, fields

    def any_of(self) -> Test:
        tests = [self._all_of()]
        while self._take("or"):
            tests.append(self._all_of())
        return lambda row: any(test(row) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._take("not"):
            test = self._one()
            return lambda row: not test(row)
        if self._take("("):
            test = self.any_of()
            self._must(")")
            return test
        if self.tokens and self.tokens[0] in _WORDS:
            return self._function(self.tokens.pop(0))
        return self._comparison()

    def _function(self, name: str) -> Test:
        self._must("(")
        first = self._next()
        self._must(",")
        second = self._next()
        self._must(")")
        part, field = (first, second) if name == "substringof" else (second, first)
        self._known(field)
        wanted = str(_value(part)).lower()

        def test(row: Row) -> bool:
            has = str(row.get(field) or "").lower()
            if name == "substringof":
                return wanted in has
            return has.startswith(wanted) if name == "startswith" else has.endswith(wanted)

        if self._take("eq"):
            self._next()
        return test

    def _comparison(self) -> Test:
        field, sign, given = self._next(), self._next(), self._next()
        self._known(field)
        if given == "cast":
            return self._cast(field)
        if given.startswith("guid'") and f"{field}_Type" in self._fields:
            return lambda _row: False  # a reference of several kinds, none of them named
        wanted = order_key(_value(given))
        compare: Mapping[str, Callable[[Any], bool]] = {
            "eq": lambda key: key == wanted,
            "ne": lambda key: key != wanted,
            "gt": lambda key: key > wanted,
            "ge": lambda key: key >= wanted,
            "lt": lambda key: key < wanted,
            "le": lambda key: key <= wanted,
        }
        if sign not in compare:
            raise FilterError("14", f"Неизвестная операция {sign}")
        return lambda row: compare[sign](order_key(_padded(row.get(field))))

    def _cast(self, field: str) -> Test:
        self._must("(")
        wanted = _value(self._next())
        self._must(",")
        kind = f"StandardODATA.{_value(self._next())}"
        self._must(")")
        return lambda row: row.get(field) == wanted and row.get(f"{field}_Type") == kind

    def _known(self, field: str) -> None:
        if field.partition("/")[0] not in self._fields:
            raise FilterError("6", f"Сегмент пути {field} не найден!")

    def _next(self) -> str:
        if not self.tokens:
            raise FilterError("14", "Отбор оборван")
        return self.tokens.pop(0)

    def _must(self, token: str) -> None:
        if self._next() != token:
            raise FilterError("14", f"Ожидалось {token}")

    def _take(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False


def _padded(value: Any) -> Any:
    return value.rstrip() if isinstance(value, str) else value


def _value(token: str) -> Any:
    if token.startswith(("guid'", "datetime'")):
        found = token.partition("'")[2][:-1]
        if token.startswith("datetime") and not re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found
        ):
            raise FilterError("14", f"Неверная дата {found}")
        return found.lower() if token.startswith("guid") else found
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if token in {"true", "false"}:
        return token[0] == "t"
    try:
        return Decimal(token)
    except ArithmeticError:
        raise FilterError("14", f"Не литерал: {token}") from None
