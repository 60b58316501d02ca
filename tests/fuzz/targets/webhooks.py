"""Every connector's webhook side: keys, verify, answer, parse, and the mapping behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from hub.flow.map import Mappings
from hub.registry import Connector, make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, HubError, Ignored, PayloadError, SignatureError
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest, Reply
from hub.store.connections import Configured
from tests.contract.cases import (
    CASES,
    SUITE_KEYS,
    WEBHOOKS,
    check_record,
    connection_document,
    webhook_of,
)
from tests.fuzz.markup import join_http, mutate_http, split_http
from tests.fuzz.storable import check_storable
from tests.fuzz.target import Finding, Run, Target

NOW = datetime(2026, 1, 12, 15, 21, 12, tzinfo=UTC)
#: A header of the input itself: which variant of the connection's settings it meets.
VARIANT = b"X-Fuzz-Variant"


def targets() -> list[Target]:
    """One for each connector folder with a webhook side."""
    return [Target(f"webhook:{name}", partial(_open, name), 6) for name in WEBHOOKS]


def document_of(name: str) -> dict[str, Any]:
    """The connection file of the connector's fixtures."""
    document = connection_document(name)
    return {key: document[key] for key in document if key not in SUITE_KEYS}


def variants_of(name: str) -> list[dict[str, Any]]:
    """The fixtures' connection, and one for each other choice that its manifest offers."""
    base = document_of(name)
    found = [base]
    for setting in webhook_of(name).manifest.settings:
        for choice in setting.choices:
            settings = {**(base.get("settings") or {}), setting.name: choice}
            variant = _completed({**base, "settings": settings}, webhook_of(name))
            if variant:
                found.append(variant)
    return found


def _completed(document: dict[str, Any], code: Connector) -> dict[str, Any]:
    """The document with a word for every setting that it now requires; empty when none helps."""
    for setting in code.manifest.settings:
        try:
            make_connection(document)
        except ConfigError:
            group = "secrets" if setting.secret else "settings"
            document = {**document, group: {setting.name: "word", **document.get(group, {})}}
    try:
        make_connection(document)
    except ConfigError:
        return {}
    return document


def request_of(blob: bytes) -> tuple[RawRequest, int]:
    """The input as the gateway would hand it over, and its variant's number."""
    first, lines, body = split_http(blob)
    method, _, target = first.partition(b" ")
    path, _, query = target.removesuffix(b" HTTP/1.1").partition(b"?")
    headers, variant = [], 0
    for line in lines:
        name, _, value = line.partition(b":")
        if name == VARIANT:
            variant = int(value) if value.strip().isdigit() and len(value) < 5 else 0
            continue
        headers.append((name.strip().decode("latin-1"), value.strip().decode("latin-1")))
    request = RawRequest(
        body=body,
        headers=tuple(headers),
        method=method.decode("latin-1"),
        path=unquote_to_bytes(path).decode("utf-8", "replace").lstrip("/"),
        query=query.decode("latin-1"),
        remote_addr="192.0.2.1",
    )
    return request, variant


def seeds_of(name: str, variants: int) -> list[bytes]:
    """The fixtures, in JSON, form and XML, for each variant."""
    found = []
    for case in (case for case in CASES if case.connector == name):
        first, headers, body = split_http(case.path.read_bytes())
        bodies = [body, *_other_forms(body)] if variants > 1 else [body]
        for number in range(variants):
            mark = [VARIANT + b": %d" % number] if number else []
            found += [join_http(first, [*headers, *mark], one) for one in bodies]
    return found


def _other_forms(body: bytes) -> Iterator[bytes]:
    try:
        tree = json.loads(body)
    except ValueError:
        return
    if isinstance(tree, dict):
        yield urlencode(list(_flat("", tree))).encode()
        yield b"<body>" + _xml(tree) + b"</body>"


def _flat(prefix: str, tree: Any) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict | list):
        for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _flat(f"{prefix}[{key}]" if prefix else str(key), item)
    else:
        yield prefix, str(tree)


def _xml(tree: Any) -> bytes:
    if isinstance(tree, dict):
        return b"".join(
            f"<{key}>".encode() + _xml(tree[key]) + f"</{key}>".encode() for key in tree
        )
    if isinstance(tree, list):
        return b"".join(b"<item>" + _xml(item) + b"</item>" for item in tree)
    return str(tree).replace("&", "&amp;").replace("<", "&lt;").encode()


class Survival:
    """What one connector promises for any request at all."""

    def __init__(self, name: str) -> None:
        self.name, self.code = name, webhook_of(name)
        documents = variants_of(name)
        self.connections = [make_connection(one, name, id=1) for one in documents]
        self.mappings = [_mappings(*pair) for pair in zip(self.connections, documents, strict=True)]

    def check(self, blob: bytes) -> None:
        """Raises what the connector must never do with this request."""
        request, number = request_of(blob)
        if len(request.body) > self.code.manifest.max_body_bytes:
            return  # the gateway answers 413
        number %= len(self.connections)
        connection = self.connections[number]
        kind = self.keys(request, connection)
        self.door(request, connection)
        first = self.parsed(request, kind, connection)
        again = self.parsed(replace(request), kind, connection)
        if first != again:
            raise Finding("parse is not pure", f"{first!r:.300} then {again!r:.300}")
        for record in first if isinstance(first, list) else ():
            check_record(self.name, record)
            self.mapped(record, self.mappings[number])

    def keys(self, request: RawRequest, connection: Connection) -> str:
        """The keys never raise: they are asked while the sender waits."""
        found = [
            function(request, connection)
            for function in (self.code.event_key, self.code.ordering_key, self.code.event_type)
            if function
        ]
        if not all(isinstance(key, str) for key in found):
            raise Finding("a key is no text", repr(found))
        return found[-1]

    def door(self, request: RawRequest, connection: Connection) -> None:
        """Verify refuses with SignatureError; the answers are replies."""
        assert self.code.verify
        try:
            self.code.verify(request, connection, NOW)
        except SignatureError as error:
            _has_words(error)
        except ConfigError as error:
            # A variant whose secret is no key of that scheme: for its admin, whatever comes in.
            _has_words(error)
        replies: list[Any] = []
        if self.code.answer:
            replies.append(self.code.answer(request, connection, lambda kind, value: None))
        if self.code.accepted:
            replies.append(self.code.accepted(request, connection))
        for reply in replies:
            if reply is not None and not (isinstance(reply, Reply) and reply.status < 500):
                raise Finding("a reply that is none", repr(reply))

    def parsed(
        self, request: RawRequest, kind: str, connection: Connection
    ) -> list[SourceRecord] | tuple[str, str]:
        """The records, or the declared error with its words."""
        assert self.code.parse
        try:
            said = list(self.code.parse(Event(request, NOW, kind), connection))
            return [one for one in said if isinstance(one, SourceRecord)]
        except (Ignored, PayloadError, ConfigError) as error:
            _has_words(error)
            return type(error).__name__, error.message

    @staticmethod
    def mapped(record: SourceRecord, mappings: Mappings) -> None:
        """What the mapping makes of it is storable, or refused with words."""
        try:
            found = mappings.apply(record)
        except HubError as error:
            _has_words(error)
        else:
            check_storable(found)


def _has_words(error: HubError) -> None:
    if not error.message.strip():
        raise Finding("an error without words", repr(error))
    error.message.encode()


def _mappings(connection: Connection, document: Mapping[str, Any]) -> Mappings:
    rows = document.get("mappings") or {}
    return Mappings(Configured(connection, "active", "", {}, rows, (), 1))


def _open(name: str) -> Run:
    survival = Survival(name)
    seeds = seeds_of(name, len(survival.connections))
    return Run(seeds, mutate_http, survival.check)
