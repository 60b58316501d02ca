"""SOAP services: zeep reads the WSDL and builds requests, answers are read as streams of rows.

Follows WSDL 1.1 with SOAP 1.1/1.2 bindings, document/literal wrapped, as 1C publishes them. Calls
go to the configured address, whatever address the WSDL names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import requests
import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding

from connectors._protocols import onec_replies
from connectors._protocols.soap_answer import Answer, received
from connectors._protocols.soap_reply import reply_of
from connectors._protocols.soap_rows import RowReader
from connectors._protocols.soap_text import checked_start
from connectors._protocols.soap_texts import Reader, TextReader
from connectors._protocols.soap_transport import StreamedTransport, Utf8Headers
from connectors._protocols.soap_wire import (
    WSDL_TIMEOUT_SECONDS,
    SoapOptions,
    chunks_of,
    exchange,
    read_body,
    refusal,
    wsdl_address,
)
from connectors._protocols.soap_wsdl import WsdlSource
from hub.sdk import payload
from hub.sdk.errors import ConfigError, HubError

#: Names in a type of the platform, or of no type at all: what is inside, the WSDL does not tell.
_UNTOLD = ("Property", "Value", "pair", "_value_1")


#: Paths of a type that holds itself have no end.
MAX_PATH = 6


@dataclass(frozen=True)
class Argument:
    """One argument of an operation. `kind`: time, date, number, boolean, text or structure."""

    name: str
    kind: str
    required: bool
    nillable: bool


class SoapService:
    """One service at one address; close it. Reading the WSDL waits for the first use."""

    def __init__(self, options: SoapOptions) -> None:
        self.options = options
        self.source = WsdlSource(options)
        self._transport: StreamedTransport | None = None

    def close(self) -> None:
        """End the session of the base, if one is held: its licence is free again."""
        if self._transport is not None and self._transport.ib_session is not None:
            self._transport.ib_session.finish()

    @cached_property
    def _client(self) -> Any:
        calls = self.options.client(self.options.address, self.options.timeout_seconds)
        self._transport = StreamedTransport(calls, self.source)
        try:
            return zeep.Client(  # type: ignore[no-untyped-call]  # zeep annotates this in part
                self.source.location,
                transport=self._transport,
                settings=zeep.Settings(raw_response=True, forbid_dtd=True),
                plugins=[Utf8Headers()],
            )
        except HubError:
            raise
        except (ZeepError, etree.LxmlError, ValueError, LookupError, TypeError) as error:
            raise ConfigError(f"WSDL не разобран: {error}", place="settings.wsdl") from error
        except Exception as error:  # zeep lets AttributeError and others out of a foreign document
            raise ConfigError(
                f"WSDL не разобран: {type(error).__name__} {error}", place="settings.wsdl"
            ) from error

    @cached_property
    def port(self) -> Any:
        """The chosen port; ConfigError lists what the WSDL has."""
        services = self._client.wsdl.services
        if not services:
            raise ConfigError("в документе нет служб: это не WSDL", place="settings.wsdl")
        if self.options.service and self.options.service not in services:
            raise ConfigError(
                f"службы «{self.options.service}» нет, есть: {', '.join(services)}",
                place="settings.service",
            )
        wanted = {"1.1": Soap11Binding, "1.2": Soap12Binding}.get(
            self.options.soap_version, (Soap11Binding, Soap12Binding)
        )
        ports = [
            port
            for name, service in services.items()
            if not self.options.service or name == self.options.service
            for port in service.ports.values()
        ]
        for port in ports:
            binding_name = etree.QName(port.binding.name).localname
            named = not self.options.port or self.options.port in {port.name, binding_name}
            if named and isinstance(port.binding, wanted):
                return port
        raise ConfigError(
            f"порта SOAP {self.options.soap_version or '1.1/1.2'} «{self.options.port}» нет, "
            f"есть: {', '.join(port.name for port in ports) or 'ни одного'}",
            place="settings.port",
        )

    @property
    def operations(self) -> list[str]:
        """Names of the operations of the chosen port."""
        return list(self.port.binding.all())

    def _operation(self, name: str) -> Any:
        known = self.port.binding.all()
        if name in known:
            return known[name]
        near = get_close_matches(name, known, n=5, cutoff=0.4) or list(known)[:10]
        raise ConfigError(f"операции «{name}» нет в WSDL, похожие: {', '.join(near)}")

    def arguments(self, operation: str) -> list[Argument]:
        """What the operation takes; ConfigError when there is no such operation."""
        body = self._operation(operation).input.body
        found = []
        for name, element in getattr(body.type, "elements", None) or []:
            nillable = bool(getattr(element, "nillable", False))
            found.append(
                Argument(name, _kind(element), not (element.is_optional or nillable), nillable)
            )
        return found

    def path_names(self, operation: str, path: Sequence[str]) -> tuple[bool, str, list[str]]:
        """Follow a path through the WSDL's result: (path known, first wrong name, names there).

        A wrong name is empty where the WSDL does not tell (text, anyType, platform types).
        """
        node = self._operation(operation).output.body.type
        for name in self._from_response(node, path):
            inside = dict(getattr(node, "elements", None) or [])
            if not inside or any(known in inside for known in _UNTOLD):
                return False, "", []
            if name not in inside:
                return False, name, list(inside)
            node = inside[name].type
        return True, "", []

    def answer(self, operation: str, arguments: Mapping[str, Any], path: str) -> Answer:
        """Call an operation and take its whole answer in; the rows are those under `path`.

        Close the answer. Raises by who must act: ConfigError, AuthError, RetryLater, Rejected.
        """
        reader = self.reader(operation, path)
        with closing(self.answered(operation, arguments)) as response:
            chunks = checked_start(chunks_of(response))
            return received(chunks, self.options.cache_dir, reader, self.source.namespaces)

    def told(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation whose answer is short; returns the answer's parts by name.

        Raises as `answer` does.
        """
        response_name = self._operation(operation).output.body.qname.localname
        with closing(self.answered(operation, arguments)) as response:
            body = b"".join(checked_start([read_body(response)]))
        return reply_of(b"".join(self.source.namespaces.encode([body])), response_name)

    def answered(self, operation: str, arguments: Mapping[str, Any]) -> requests.Response:
        """The response to a call, its body unread; whatever is no answer of SOAP is raised."""
        response = self._call(operation, arguments)
        content_type = response.headers.get("Content-Type", "")
        if response.status_code == 200 and (not content_type or "xml" in content_type.lower()):
            return response
        with closing(response):
            if response.status_code != 200:
                raise refusal(response, self.options)
            head = payload.decode_text(read_body(response, whole=False))
            raise onec_replies.not_an_answer(content_type, head)

    def rows(self, operation: str, arguments: Mapping[str, Any], path: str) -> Iterator[Any]:
        """Call an operation and yield the rows under `path`, one by one.

        It ends normally only when the whole answer was read. Raises by who must act.
        """
        with closing(self.answer(operation, arguments, path)) as answer:
            yield from answer.rows()

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> requests.Response:
        service = self._client.create_service(self.port.binding.name, self.options.address)
        try:
            response: requests.Response = service[operation](**arguments)
        except HubError:
            raise
        except (ZeepError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise ConfigError(f"аргументы операции {operation} не подходят: {error}") from error
        return response

    @staticmethod
    def _from_response(response_type: Any, path: Sequence[str]) -> list[str]:
        """A path that starts inside the result gets `return` in front of it."""
        known = dict(getattr(response_type, "elements", None) or [])
        return ["return", *path] if "return" in known and path[0] not in known else list(path)

    def reader(self, operation: str, path: str) -> Reader:
        """Reads the rows under `path` out of an answer; ConfigError when the WSDL knows better.

        A text as the whole result is read as a text, anything else as elements.
        """
        body = self._operation(operation).output.body
        names = self._from_response(body.type, path.split("."))
        known, wrong, there = self.path_names(operation, names)
        if wrong:
            raise ConfigError(f"«{wrong}» нет в ответе {operation}, есть: {', '.join(there)}")
        response = body.qname.localname
        elements = dict(getattr(body.type, "elements", None) or [])
        kind = getattr(elements.get(names[0]), "type", None)
        binary = isinstance(kind, zeep.xsd.Base64Binary)
        if binary or isinstance(kind, zeep.xsd.String):
            return TextReader(names, response, binary=binary, folder=self.options.cache_dir)
        return RowReader(names, response, path_known=known)

    @property
    def places(self) -> list[str]:
        """«service / port» of every SOAP port in the WSDL, the chosen one first."""
        found = [
            f"{name} / {port.name}"
            for name, service in self._client.wsdl.services.items()
            for port in service.ports.values()
            if isinstance(port.binding, Soap11Binding | Soap12Binding)
        ]
        return sorted(found, key=lambda place: not place.endswith(f" / {self.port.name}"))

    def documentation(self, operation: str) -> str:
        """What the WSDL says of an operation in words; empty when it says nothing."""
        found = self.port.binding.port_type.operations.get(operation)
        return str(getattr(found, "documentation", None) or "").strip()

    def list_paths(self, operation: str) -> list[str]:
        """Paths to what the WSDL says may come more than once in the answer."""
        return list(_lists(self._operation(operation).output.body.type, (), ()))

    def check_entry(self) -> None:
        """Ask the address for its WSDL: proves the address and the login, starts nothing."""
        address = self.options.address
        client = self.options.client(address, WSDL_TIMEOUT_SECONDS)
        target = wsdl_address(address)
        with closing(exchange(client.session, "GET", target, client.timeout)) as response:
            if response.status_code != 200:
                raise refusal(response, self.options)


def _lists(node: Any, path: tuple[str, ...], seen: tuple[int, ...]) -> Iterator[str]:
    if id(node) in seen or len(path) > MAX_PATH:
        return
    for name, element in getattr(node, "elements", None) or []:
        if name in _UNTOLD or not hasattr(element, "type"):
            continue
        here = (*path, name)
        if element.accepts_multiple:
            yield ".".join(here)
        yield from _lists(element.type, here, (*seen, id(node)))


def _kind(element: Any) -> str:
    kinds = (
        (zeep.xsd.DateTime, "time"),
        (zeep.xsd.Date, "date"),
        (zeep.xsd.Boolean, "boolean"),
        ((zeep.xsd.Decimal, zeep.xsd.Integer, zeep.xsd.Double, zeep.xsd.Float), "number"),
        (zeep.xsd.ComplexType, "structure"),
    )
    return next((name for kind, name in kinds if isinstance(element.type, kind)), "text")
