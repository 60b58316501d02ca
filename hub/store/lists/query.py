"""What a person typed into a search box, as words that a text must contain."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.store.spelling import digits_of, plain_letters

MAX_WORDS = 8
#: A shorter word has no trigram: it is looked for in what trigrams of others found, or in a window.
TRIGRAM = 3
#: So many digits are a phone, whatever stands between them.
PHONE_DIGITS = 7
MIN_DIGITS = 4
_PHONE_LIKE = re.compile(r"[+(]?[\d()][\d()+.\-]*")
_NUMBER_SIGN = re.compile(r"^[№#]+")


@dataclass(frozen=True)
class Word:
    """One word: any of its spellings will do, in plain letters."""

    spellings: tuple[str, ...]

    @property
    def is_short(self) -> bool:
        """Whether some spelling has no trigram."""
        return any(len(text) < TRIGRAM for text in self.spellings)

    def is_in(self, text: str) -> bool:
        """Whether a plain text contains the word."""
        return any(spelling in text for spelling in self.spellings)


def words_of(q: str) -> list[Word]:
    """The words of a query, at most eight; a phone in any spelling is one word."""
    typed = plain_letters(q).replace("\0", "").split()
    # A number's sign that stands alone is no word.
    tokens = [piece for piece in typed if _NUMBER_SIGN.sub("", piece)]
    words: list[Word] = []
    position = 0
    while position < len(tokens) and len(words) < MAX_WORDS:
        length = _phone_length(tokens, position)
        text = " ".join(tokens[position : position + length])
        words.append(_word(text, is_phone=length > 1))
        position += length
    return [word for word in words if all(word.spellings)]


def _phone_length(tokens: list[str], start: int) -> int:
    """How many tokens from here on are pieces of one phone; at least one."""
    end = start
    while end < len(tokens) and _PHONE_LIKE.fullmatch(tokens[end]):
        end += 1
    pieces = tokens[start:end]
    digits = digits_of("".join(pieces))
    # «труба 20 40» is no phone: a phone is long, or begins as phones are written.
    begins = bool(pieces) and (pieces[0] in ("7", "8") or pieces[0].startswith(("+", "(")))
    enough = MIN_DIGITS if begins else PHONE_DIGITS
    return end - start if enough <= len(digits) <= 15 else 1


def _word(text: str, *, is_phone: bool) -> Word:
    bare = _NUMBER_SIGN.sub("", text) or text
    digits = digits_of(bare)
    found = [] if is_phone else [bare]
    if (is_phone or _PHONE_LIKE.fullmatch(bare)) and len(digits) >= MIN_DIGITS:
        found.append(digits)
        if digits[0] == "8":
            # 8 916 … is what people type for +7 916 …
            found.append("7" + digits[1:])
    return Word(tuple(dict.fromkeys(found)))
