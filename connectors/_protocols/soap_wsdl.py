"""The documents of a WSDL: from its own host or folder only, kept, and asked for only when new.

A kept copy carries what the server said of it (ETag, Last-Modified) and its digest. The next read
asks «only if it changed»; a copy whose digest is wrong is not believed; while the service is down
the copy stands in.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from connectors._protocols import onec_replies
from connectors._protocols.soap_namespaces import Namespaces
from connectors._protocols.soap_wire import (
    WSDL_TIMEOUT_SECONDS,
    SoapOptions,
    exchange,
    read_body,
    refusal,
)
from hub.sdk import payload
from hub.sdk.errors import ConfigError, HubError, RetryLater

#: What a server says of a document → what it is asked the next time.
VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


class WsdlSource:
    """Reads the WSDL and what it imports, from its own host or folder only; keeps copies."""

    def __init__(self, options: SoapOptions) -> None:
        self.options = options
        self.namespaces = Namespaces()
        self.is_url = "://" in options.wsdl
        self.location = options.wsdl if self.is_url else str(Path(options.wsdl).absolute())
        #: True when the service was down and the kept copy was used.
        self.from_copy = False

    def load(self, url: str) -> bytes:
        """Return a document's bytes; RetryLater, AuthError or ConfigError with the reason."""
        if not self.is_url:
            return self._file(url)
        target = urljoin(self.location, url)
        own, asked = urlsplit(self.location), urlsplit(target)
        foreign = asked.netloc != own.netloc
        if foreign:
            # A publication behind a proxy names itself as it is seen from inside.
            target = urlunsplit((own.scheme, own.netloc, asked.path, asked.query, ""))
        try:
            return self._kept_or_new(target)
        except HubError as error:
            if target == self.location:
                raise
            raise _not_imported(url, target, error, foreign=foreign) from error

    def _kept_or_new(self, url: str) -> bytes:
        copy = Copy.of(self.options.cache_dir, url)
        body = copy.body() if copy else None
        try:
            found, said = self._fetch(url, copy.validators() if copy and body else {})
        except RetryLater:
            if body is None:
                raise
            self.from_copy = True
            return body
        if found is None:
            assert body is not None, "nobody asked whether it changed"
            return body
        if copy:
            copy.keep(found, said)
        return found

    def _file(self, url: str) -> bytes:
        path = Path(url).resolve()
        if "://" in url and not url.startswith("file:"):
            raise ConfigError(
                f"WSDL ссылается на {url}: сохраните этот документ рядом и поправьте schemaLocation"
            )
        if not path.is_relative_to(Path(self.location).resolve().parent):
            raise ConfigError(f"WSDL ссылается на файл вне своей папки: {url}")
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"файл WSDL не читается: {url} ({error.strerror})", place="settings.wsdl"
            ) from error

    def _fetch(
        self, url: str, validators: Mapping[str, str]
    ) -> tuple[bytes | None, Mapping[str, str]]:
        """The document and its validators; no document when it is the one that is kept."""
        client = self.options.client(url, WSDL_TIMEOUT_SECONDS)
        response = exchange(client.session, "GET", url, client.timeout, headers=dict(validators))
        with closing(response):
            if response.status_code == 304 and validators:
                return None, {}
            if response.status_code != 200:
                raise refusal(response, self.options)
            body = read_body(response)
        kind = response.headers.get("Content-Type", "")
        if not body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") or onec_replies.is_html(
            kind, payload.decode_text(body[:500])
        ):
            raise onec_replies.not_an_answer(kind, payload.decode_text(body[:100_000]))
        return body, {
            name: response.headers[name] for name in VALIDATORS if name in response.headers
        }


def _not_imported(url: str, target: str, error: HubError, *, foreign: bool) -> HubError:
    """Why a document that the WSDL imports is missing, and what to do."""
    where = f"{url} (спрошено на своём сервере: {target})" if foreign else target
    words = (
        f"WSDL ссылается на {where}, документ не получен: {error.message}. "
        "Сохраните WSDL и эту схему в файлы рядом и укажите путь к WSDL"
    )
    if isinstance(error, RetryLater) and not foreign:
        return RetryLater(words, after=error.after, detail=error.detail)
    return ConfigError(words, place="settings.wsdl")


class Copy:
    """A kept document: its bytes in one file, what is known of it in another beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._about = path.with_suffix(".json")

    @classmethod
    def of(cls, folder: str, url: str) -> Copy | None:
        """The copy of this document; None without a folder to keep it in."""
        name = hashlib.sha256(url.encode()).hexdigest()[:24]
        return cls(Path(folder) / f"{name}.xml") if folder else None

    def body(self) -> bytes | None:
        """The document as kept; None when there is none or its digest is wrong."""
        try:
            body = self._path.read_bytes()
        except OSError:
            return None
        return body if self._known().get("sha256") == hashlib.sha256(body).hexdigest() else None

    def validators(self) -> dict[str, str]:
        """The headers that ask whether the document changed."""
        known = self._known()
        return {asks: str(known[said]) for said, asks in VALIDATORS.items() if known.get(said)}

    def _known(self) -> Mapping[str, Any]:
        try:
            known = json.loads(self._about.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def keep(self, body: bytes, said: Mapping[str, str]) -> None:
        """Keep a document; a process killed between the two files leaves a copy not believed."""
        about = {**said, "sha256": hashlib.sha256(body).hexdigest()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for path, content in ((self._path, body), (self._about, json.dumps(about).encode())):
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
                draft.write(content)
            os.replace(draft.name, path)
