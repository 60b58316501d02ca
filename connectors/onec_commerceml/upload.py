"""An uploaded file as pages of products, stock and orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors._protocols.commerceml_archive import Limits
from connectors._protocols.commerceml_reader import Reading, pages_of
from hub.sdk.connection import Connection
from hub.sdk.dialogue import UploadedFile
from hub.sdk.records import Page


def read_upload(
    connection: Connection, stream: str, cursor: Mapping[str, Any], upload: UploadedFile
) -> Iterator[Page]:
    """Yield the file's pages, whatever the stream; PayloadError when the file is not whole."""
    limits = Limits(
        max_bytes=int(connection.setting("unpacked_mb")) * 1024**2,
        max_ratio=int(connection.setting("archive_ratio")),
        max_files=int(connection.setting("archive_files")),
    )
    reading = Reading(
        price_type=str(connection.settings.get("price_type") or ""),
        number_prefix=str(connection.settings.get("number_prefix") or ""),
        limits=limits,
    )
    yield from pages_of(upload.file, upload.inner, cursor, reading)
