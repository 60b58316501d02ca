"""One received request, exactly as it came: the raw event before anyone judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from hub.sdk import payload


@dataclass(frozen=True)
class RawRequest:
    """A received request; `path` is what follows `/in/<connection>`, `headers` keep their order."""

    body: bytes
    headers: Sequence[tuple[str, str]] = ()
    method: str = "POST"
    path: str = ""
    query: str = ""
    remote_addr: str = ""

    @cached_property
    def _lower(self) -> dict[str, str]:
        return {name.lower(): value for name, value in reversed(self.headers)}

    def header(self, name: str, default: str = "") -> str:
        """Return the first header of this name, whatever its case."""
        return self._lower.get(name.lower(), default)

    @cached_property
    def query_fields(self) -> dict[str, str]:
        """The query string; of a repeated name the last value counts."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        return {payload.clean_text(name): payload.clean_text(value) for name, value in pairs}

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.header("content-type").split(";", 1)[0].strip().lower()

    @cached_property
    def json(self) -> Any:
        """The body as JSON with exact numbers; PayloadError when it is not."""
        return payload.load_json(self.body)

    @cached_property
    def form(self) -> payload.Form:
        """The body as a form, urlencoded or multipart, decoded from the raw bytes."""
        return payload.load_form(self.body, self.header("content-type"))


@dataclass(frozen=True)
class Reply:
    """The answer to a sender: the vendor's own status, body and type."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """A stored event as `parse` sees it: the request and when the hub received it (UTC)."""

    request: RawRequest
    received_at: datetime
    type: str = ""
    id: int = 0
