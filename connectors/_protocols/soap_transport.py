"""The way of SOAP over the hub's own HTTP client: the WSDL's documents, requests, refusals.

zeep gets a transport whose `post` leaves the answer's body in the socket, so that it can be read
as a stream; documents come only from the WSDL's own host or folder.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import zeep
from lxml import etree

from connectors._protocols import onec_replies
from connectors._protocols.soap_namespaces import Namespaces
from connectors._protocols.soap_rows import fault_text
from hub.sdk import payload
from hub.sdk.errors import ConfigError, HubError, PayloadError, RetryLater
from hub.sdk.http import HttpClient, asked_pause, read_limited, translate
from hub.sdk.traffic import UNLIMITED, Traffic
from hub.sdk.xml import xml_parser

WSDL_TIMEOUT_SECONDS = 60.0
#: A million rows come as one answer; the time between two pieces of it is limited by itself.
WHOLE_ANSWER_SECONDS = 3600.0
MAX_REFUSAL_BYTES = 1024 * 1024


@dataclass(frozen=True)
class SoapOptions:
    """Where a service is and how to enter it. `wsdl` is a URL or a file's path.

    `port` may name a port or a binding; `soap_version` is "1.1", "1.2" or empty (the first that
    fits). `cache_dir` keeps the WSDL for the time the service is down; empty: it is not kept.
    """

    wsdl: str
    address: str
    username: str = ""
    password: str = ""
    service: str = ""
    port: str = ""
    soap_version: str = ""
    timeout_seconds: float = 600
    cache_dir: str = ""
    allowed_networks: tuple[str, ...] = ()
    traffic: Traffic = field(default=UNLIMITED, repr=False, compare=False)

    def client(self, base_url: str, read_timeout: float) -> HttpClient:
        """A client that may call the host of `base_url`, with the connection's Basic auth."""
        return HttpClient(
            base_url,
            auth=(self.username, self.password) if self.username else None,
            allowed_networks=self.allowed_networks,
            timeout=(10.0, read_timeout),
            total_seconds=max(WHOLE_ANSWER_SECONDS, 2 * read_timeout),
            traffic=self.traffic,
        )


class Utf8Headers(zeep.Plugin):
    """Sends header values as UTF-8: a Cyrillic SOAPAction does not fit latin-1."""

    def egress(
        self, envelope: Any, http_headers: Mapping[str, str], operation: Any, binding_options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Return the envelope as it is and headers that any socket takes."""
        return envelope, {
            name: value if value.isascii() else value.encode()
            for name, value in http_headers.items()
        }


class StreamedTransport(zeep.Transport):
    """zeep's transport over the hub's session: `post` leaves the body unread."""

    def __init__(self, calls: HttpClient, documents: WsdlSource) -> None:
        agent = calls.session.headers["User-Agent"]
        super().__init__(  # type: ignore[no-untyped-call]  # zeep annotates this in part
            session=calls.session, operation_timeout=calls.timeout
        )
        calls.session.adapters.pop("file://", None)  # no document may lead zeep to a local file
        calls.session.headers["User-Agent"] = agent
        self._documents = documents

    def post(self, address: str, message: bytes, headers: Mapping[str, Any]) -> requests.Response:
        """Send a request; the response comes back with its body still in the socket."""
        body = self._documents.namespaces.restore(message)
        return exchange(
            self.session, "POST", address, self.operation_timeout, data=body, headers=headers
        )

    def load(self, url: str) -> bytes:
        """Return the WSDL or a document that it imports."""
        return self._documents.namespaces.learn(self._documents.load(url))


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
        if urlsplit(target).netloc != urlsplit(self.location).netloc:
            raise ConfigError(f"WSDL ссылается на чужой адрес {target}: сохраните его в файл")
        try:
            body = self._fetch(target)
        except RetryLater:
            copy = self._copy_of(target)
            if copy is None or not copy.is_file():
                raise
            self.from_copy = True
            return copy.read_bytes()
        self._keep(target, body)
        return body

    def _file(self, url: str) -> bytes:
        path = Path(url).resolve()
        if not path.is_relative_to(Path(self.location).resolve().parent):
            raise ConfigError(f"WSDL ссылается на файл вне своей папки: {url}")
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"файл WSDL не читается: {url} ({error.strerror})", place="settings.wsdl"
            ) from error

    def _fetch(self, url: str) -> bytes:
        client = self.options.client(url, WSDL_TIMEOUT_SECONDS)
        response = exchange(client.session, "GET", url, client.timeout)
        with closing(response):
            if response.status_code != 200:
                raise refusal(response, self.options)
            body = read_body(response)
        if not body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") or onec_replies.is_html(
            response.headers.get("Content-Type", ""), payload.decode_text(body[:500])
        ):
            raise onec_replies.not_an_answer(
                response.headers.get("Content-Type", ""), payload.decode_text(body[:100_000])
            )
        return body

    def _copy_of(self, url: str) -> Path | None:
        if not self.options.cache_dir:
            return None
        return Path(self.options.cache_dir) / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.xml"

    def _keep(self, url: str, body: bytes) -> None:
        copy = self._copy_of(url)
        if copy is None:
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=copy.parent, delete=False) as draft:
            draft.write(body)
        os.replace(draft.name, copy)


def exchange(
    session: requests.Session, method: str, url: str, timeout: tuple[float, float], **options: Any
) -> requests.Response:
    """Send one request and return the response unread, whatever its status.

    Transport trouble is raised translated; redirects are not followed.
    """
    try:
        return session.request(
            method, url, timeout=timeout, stream=True, allow_redirects=False, **options
        )
    except requests.RequestException as error:
        raise translate(error, url) from error


def chunks_of(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes, unpacked; a cut connection is RetryLater."""
    try:
        yield from response.iter_content(65536)
    except requests.RequestException as error:
        raise RetryLater("ответ 1С оборван: соединение закрыто", detail=str(error)) from error


def read_body(response: requests.Response, *, whole: bool = True) -> bytes:
    """The whole body within the client's limit, or its first megabyte."""
    try:
        if whole:
            return read_limited(response)
        head = b""
        for chunk in response.iter_content(65536):
            head += chunk
            if len(head) > MAX_REFUSAL_BYTES:
                break
        return head
    except requests.RequestException as error:
        raise RetryLater("ответ 1С оборван: соединение закрыто", detail=str(error)) from error


def refusal(response: requests.Response, options: SoapOptions) -> HubError:
    """The error for a response that is not 200: the fault's words first, then the status."""
    try:
        body = read_body(response, whole=False)
    except RetryLater:
        body = b""
    if response.status_code not in {401, 404} and b"Fault" in body:
        try:
            words = _fault_in(body)
        except (etree.XMLSyntaxError, ValueError, PayloadError):
            words = ""
        if words:
            return onec_replies.fault(words)
    return onec_replies.refusal(
        response.status_code,
        response.headers.get("Content-Type", ""),
        body,
        address=(response.url or "").partition("?")[0],
        username=options.username,
        location=response.headers.get("Location", ""),
        after=asked_pause(response),
    )


def _fault_in(body: bytes) -> str:
    root = etree.fromstring(body, xml_parser())
    found = next(root.iter("{*}Fault"), None)
    return fault_text(found) or "причина не названа" if found is not None else ""
