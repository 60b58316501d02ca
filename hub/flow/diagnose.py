"""A connection test, step by step: name, TCP, TLS, the connector's own test, a few rows.

Each step asks one question and is answered in seconds; the next is asked only when it went well.
What cannot be told in the connector's words is told by `hint`: what a person can do about it.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509

from hub.flow.map import Mappings
from hub.sdk.errors import AuthError, HubError
from hub.sdk.http import check_address
from hub.sdk.records import Page, SourceRecord
from hub.sdk.traffic import Urgency
from hub.store.connections import Configured

TIMEOUT_SECONDS: Final = 8.0
SAMPLE_ROWS: Final = 3
STEPS: Final = ("name", "tcp", "tls", "check", "sample")
#: Settings that name a system's address, in the order in which they are believed.
ADDRESSES: Final = ("address", "url", "wsdl", "api_url")


@dataclass(frozen=True)
class Found:
    """The answer to one question. `hint` names the remedy: a key of the pages' own words."""

    name: str
    ok: bool
    message: str = ""
    hint: str = ""
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Target:
    """Whom the test calls."""

    host: str
    port: int
    tls: bool
    certificate: str = ""


def target_of(configured: Configured) -> Target | None:
    """The server of this connection; None when the hub never calls it."""
    settings = configured.connection.settings
    if settings.get("host"):
        certificate = str(settings.get("ca_certificate") or "")
        is_tls = bool(settings.get("tls", True))
        port = int(settings.get("port") or (993 if is_tls else 143))
        return Target(str(settings["host"]), port, is_tls, certificate)
    for name in ADDRESSES:
        try:
            parts = urlsplit(str(settings.get(name) or ""))
            if parts.scheme in ("http", "https") and parts.hostname:
                is_tls = parts.scheme == "https"
                return Target(parts.hostname, parts.port or (443 if is_tls else 80), is_tls)
        except ValueError:
            continue
    return None


def steps_of(configured: Configured) -> list[str]:
    """The steps of this connection's test, in order."""
    target = target_of(configured)
    steps = ["name", "tcp", *(["tls"] if target.tls else [])] if target else []
    code = configured.connector
    steps += ["check"] if code.check is not None else []
    return steps + (["sample"] if _sampled(configured) else [])


def run(configured: Configured, step: str) -> list[Found]:
    """Carry out one step; never raises what the other system may cause."""
    if step == "check":
        return list(_check(configured))
    if step == "sample":
        return [_sample(configured)]
    target = target_of(configured)
    if target is None:
        return []
    allowed = tuple(map(ip_network, configured.connection.allowed_networks))
    ask = {"name": _name, "tcp": _tcp, "tls": _tls}[step]
    try:
        return [ask(target, allowed)]
    except HubError as error:
        return [Found(step, False, error.message, "address")]


def _name(target: Target, allowed: Any) -> Found:
    addresses = _resolved(target)
    if not addresses:
        return Found("name", False, target.host, "name")
    for address in addresses:
        check_address(target.host, address, allowed, trusted=True)
    return Found("name", True, f"{target.host} → {', '.join(addresses[:3])}")


def _resolved(target: Target) -> list[str]:
    try:
        found = socket.getaddrinfo(target.host, target.port, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _connected(target: Target, allowed: Any) -> socket.socket:
    last: OSError | None = None
    until = time.monotonic() + TIMEOUT_SECONDS
    for address in _resolved(target):
        check_address(target.host, address, allowed, trusted=True)
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((address, target.port), min(left, TIMEOUT_SECONDS))
        except OSError as error:
            last = error
    raise last or TimeoutError("timed out")


def _tcp(target: Target, allowed: Any) -> Found:
    started = time.monotonic()
    place = f"{target.host}:{target.port}"
    try:
        _connected(target, allowed).close()
    except ConnectionRefusedError:
        return Found("tcp", False, place, "refused")
    except TimeoutError:
        return Found("tcp", False, place, "timeout")
    except OSError as error:
        return Found("tcp", False, f"{place}: {error.strerror or error}", "unreachable")
    took = round((time.monotonic() - started) * 1000)
    return Found("tcp", True, place, values={"took_ms": took})


def _tls(target: Target, allowed: Any) -> Found:
    try:
        context = ssl.create_default_context(cadata=target.certificate or None)
    except (ssl.SSLError, ValueError):
        return Found("tls", False, "", "own_certificate")
    try:
        with closing(_connected(target, allowed)) as raw:
            raw.settimeout(TIMEOUT_SECONDS)
            with context.wrap_socket(raw, server_hostname=target.host) as protected:
                dates = _dates(protected.getpeercert(binary_form=True))
                said = protected.version() or ""
    except ssl.SSLCertVerificationError as error:
        return Found("tls", False, error.verify_message, _why(error), _seen(target, allowed))
    except (OSError, ValueError) as error:
        return Found("tls", False, str(error), "no_tls")
    return Found("tls", True, said, values=dates)


def _why(error: ssl.SSLCertVerificationError) -> str:
    #: OpenSSL: 10 expired, 9 not yet valid, 62 another name, 18 and 19 self-signed, 20 unknown.
    known = {10: "expired", 9: "clock", 62: "other_name", 18: "own_certificate"}
    known |= {19: "own_certificate", 20: "own_certificate", 21: "own_certificate"}
    return known.get(error.verify_code, "certificate")


def _seen(target: Target, allowed: Any) -> Mapping[str, Any] | None:
    """What the refused certificate says of itself; nothing but that is read."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError, ValueError, HubError), closing(_connected(target, allowed)) as raw:
        raw.settimeout(TIMEOUT_SECONDS)
        with context.wrap_socket(raw, server_hostname=target.host) as protected:
            return _dates(protected.getpeercert(binary_form=True))
    return None


def _dates(certificate: bytes | None) -> Mapping[str, Any] | None:
    if not certificate:
        return None
    found = x509.load_der_x509_certificate(certificate)
    left = found.not_valid_after_utc - datetime.now(UTC)
    return {
        "not_before": found.not_valid_before_utc,
        "not_after": found.not_valid_after_utc,
        "days_left": left.days,
        "issuer": found.issuer.rfc4514_string()[:200],
    }


def _check(configured: Configured) -> Iterator[Found]:
    check = configured.connector.check
    hide = configured.connection.secrets.hide
    try:
        for step in check(configured.at(Urgency.PERSON).connection) if check else ():
            hint = "" if step.ok else {"login": "login", "tls": "certificate"}.get(step.name, "")
            yield Found(step.name, step.ok, hide(step.message, shortest=4), hint)
    except HubError as error:
        hint = "login" if isinstance(error, AuthError) else "settings"
        yield Found("settings", False, hide(error.message, shortest=4), hint)


def _sampled(configured: Configured) -> str:
    """The stream whose first rows show that reading works: one of changes, not a snapshot."""
    if configured.connector.read is None:
        return ""
    for name in configured.stream_names():
        stream = configured.stream(name)
        if stream.mode == "delta" and stream.direction == "in" and stream.entity != "company":
            return name
    return ""


def _sample(configured: Configured) -> Found:
    """The first rows of a stream, read and mapped, nothing stored."""
    stream, hide = _sampled(configured), configured.connection.secrets.hide
    try:
        rows = rows_of(configured, stream, SAMPLE_ROWS)
        if not rows:
            return Found("sample", True, stream, "empty")
        mappings = Mappings(configured)
        records = [mappings.apply(one) for one in rows]
    except HubError as error:
        return Found("sample", False, hide(error.message, shortest=4), "sample")
    shown = [
        {"entity": one.entity, "external_id": one.external_id, "fields": _short(one.fields)}
        for one in records
    ]
    return Found("sample", True, stream, values={"rows": shown})


def stream_of(configured: Configured, entity: str) -> str:
    """The stream that brings this entity from the other system; empty when none does."""
    if configured.connector.read is None:
        return ""
    streams = [configured.stream(name) for name in configured.stream_names()]
    found = [one.name for one in streams if one.entity == entity and one.direction == "in"]
    return found[0] if found else ""


def rows_of(configured: Configured, stream: str, most: int) -> list[SourceRecord]:
    """The first records of a stream, read now for a person; raises what reading raises."""
    read = configured.connector.read
    if read is None or not stream:
        return []
    pages = read(configured.at(Urgency.PERSON).connection, stream, {})
    return list(islice(sources_of(pages), most))


def _short(fields: Mapping[str, Any]) -> dict[str, str]:
    told = {name: value for name, value in fields.items() if value not in (None, "", [])}
    return {name: str(value)[:60] for name, value in list(told.items())[:4]}


def sources_of(pages: Iterator[Page]) -> Iterator[SourceRecord]:
    """The records of pages as they come; the rest of the answer is never asked for."""
    for page in pages:
        yield from page.sources()
