"""SOAP over the hub's own HTTP client: where a service is, one exchange with it, its refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
from lxml import etree

from connectors._protocols import onec_replies
from connectors._protocols.soap_rows import fault_text
from hub.sdk.errors import HubError, PayloadError, RetryLater
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
    `ib_session`: all calls of one service go in one session of the base.
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
    ib_session: bool = False
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


def wsdl_address(address: str) -> str:
    """Where the service at this address describes itself."""
    return address if "?" in address else f"{address}?wsdl"


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
