"""zeep's transport over the hub's own HTTP client.

`post` leaves the answer's body in the socket, so that it can be read as a stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
import zeep

from connectors._protocols.ibsession import IbSession
from connectors._protocols.soap_wire import exchange, read_body, wsdl_address
from connectors._protocols.soap_wsdl import WsdlSource
from hub.sdk.http import HttpClient


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
        self.ib_session: IbSession | None = None
        if documents.options.ib_session:
            self.ib_session = IbSession(calls.session, self._read)

    def _read(self, headers: Mapping[str, str]) -> requests.Response:
        """Ask for the WSDL at the address of calls, and read the answer to its end."""
        target = wsdl_address(self._documents.options.address)
        response = exchange(self.session, "GET", target, self.operation_timeout, headers=headers)
        read_body(response, whole=False)
        return response

    def post(self, address: str, message: bytes, headers: Mapping[str, Any]) -> requests.Response:
        """Send a request; the response comes back with its body still in the socket."""
        body = self._documents.namespaces.restore(message)

        def call() -> requests.Response:
            return exchange(
                self.session, "POST", address, self.operation_timeout, data=body, headers=headers
            )

        return self.ib_session.send(call) if self.ib_session else call()

    def load(self, url: str) -> bytes:
        """Return the WSDL or a document that it imports."""
        return self._documents.namespaces.learn(self._documents.load(url))
