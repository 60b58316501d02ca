"""Cyrillic namespaces in SOAP: neither libxml2 nor zeep takes a URI that is not ASCII.

A 1C service may live in the namespace `http://example.ru/обмен`. Such names are percent-encoded
in what we parse and given back as they were in what we send.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

_DECLARED = re.compile(
    rb"""(?:xmlns(?::[^\s=<>"']*)?|targetNamespace|namespace)\s*=\s*(["'])([^"'<>]*)\1"""
)
_KEPT = ":/?#[]@!$&()*+,;=%~"


class Namespaces:
    """The non-ASCII namespaces of one service, learnt from its WSDL."""

    def __init__(self) -> None:
        self._ascii: dict[bytes, bytes] = {}

    def learn(self, document: bytes) -> bytes:
        """Return the document with its namespaces in ASCII; other values stay as they are."""
        for _, name in _DECLARED.findall(document):
            if not name.isascii():
                self._ascii[name] = quote(name, safe=_KEPT).encode()
        for name, safe in self._ascii.items():
            for mark in (b'"', b"'"):
                document = document.replace(mark + name + mark, mark + safe + mark)
        return document

    def restore(self, message: bytes) -> bytes:
        """Return an outgoing message with the service's own names."""
        for name, safe in self._ascii.items():
            message = message.replace(b'="' + safe + b'"', b'="' + name + b'"')
        return message

    def encode(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass an answer on with its namespaces in ASCII, wherever the chunks are cut."""
        if not self._ascii:
            yield from chunks
            return
        keep = max(len(name) for name in self._ascii) + 3
        held = b""
        for chunk in chunks:
            held += chunk
            for name, safe in self._ascii.items():
                held = held.replace(b'="' + name + b'"', b'="' + safe + b'"')
            yield held[:-keep]
            held = held[-keep:]
        yield held
