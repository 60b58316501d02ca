"""What a person reads while the hub runs: one language, two for what nobody may miss."""

from __future__ import annotations

import sys
import threading


class Console:
    """Prints for people. Texts come as (Russian, English); `language` chooses."""

    def __init__(self, language: str = "ru", *, verbose: bool = False) -> None:
        self.language, self.verbose = language, verbose
        self._lock = threading.Lock()

    def say(self, russian: str, english: str) -> None:
        """One line or block in the hub's language."""
        self.line(self.choose(russian, english))

    def both(self, russian: str, english: str) -> None:
        """Both languages, the hub's own first."""
        first, second = (russian, english) if self.language == "ru" else (english, russian)
        self.line(f"{first}\n{second}")

    def choose(self, russian: str, english: str) -> str:
        """The text in the hub's language."""
        return russian if self.language == "ru" else english

    def line(self, text: str = "") -> None:
        """A line as it is; a reader that went away stops nothing."""
        with self._lock:
            try:
                print(text, flush=True)
            except (BrokenPipeError, ValueError):
                sys.stdout = sys.stderr
