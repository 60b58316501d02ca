"""The only way out to other systems: requests with time limits, retries, an address guard.

SOAP goes the same way: zeep gets `session()` as its transport's session. Foreign exceptions are
translated here and nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util import connection as urllib3_connection

from hub.sdk.errors import AddressNotAllowed, AuthError, HubError, Rejected, RetryLater

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 30.0
MAX_REPLY_BYTES = 64 * 1024 * 1024
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
USER_AGENT = "Uzel/0.1"
#: Link-local addresses carry the clouds' metadata services: never a place to call.
NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")
)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_address(host: str, address: str, allowed: Sequence[Network], trusted: bool) -> None:
    """Raise AddressNotAllowed for an address this call may not reach.

    `trusted` is True for a host that an admin configured for the connection: it may be private.
    """
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if any(ip in network for network in NEVER if network.version == ip.version):
        raise AddressNotAllowed(f"{host} leads to {ip}: metadata addresses are never called")
    if ip.is_global and not ip.is_multicast:
        return
    if ip.is_multicast or ip.is_unspecified:
        raise AddressNotAllowed(f"{host} leads to {ip}, which is no host's address")
    if trusted or any(ip in network for network in allowed if network.version == ip.version):
        return
    raise AddressNotAllowed(
        f"{host} leads to the private address {ip}; allow it in hub.yml, network.allow"
    )


class _Guard:
    """Resolves a host once, checks every address, connects only to the checked ones."""

    def __init__(self, allowed: Sequence[Network], trusted_hosts: frozenset[str]) -> None:
        self.allowed, self.trusted_hosts = allowed, trusted_hosts

    def connect(self, connection: HTTPConnection) -> socket.socket:
        host = connection._dns_host  # noqa: SLF001  # urllib3 keeps the name to resolve only here
        port = connection.port
        trusted = host.strip("[]").lower() in self.trusted_hosts
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, 0, socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NewConnectionError(connection, f"cannot resolve {host}: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            check_address(host, address, self.allowed, trusted)
        last: OSError | None = None
        for address in addresses:
            try:
                return urllib3_connection.create_connection(
                    (address, port),
                    connection.timeout,
                    source_address=connection.source_address,
                    socket_options=connection.socket_options,
                )
            except OSError as error:
                last = error
        raise NewConnectionError(connection, f"cannot connect to {host}:{port}: {last}")


class GuardedAdapter(HTTPAdapter):
    """An adapter whose connections pass the address guard at connect time."""

    def __init__(self, guard: _Guard) -> None:
        self._guard = guard
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        guard = self._guard

        class PlainConnection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return guard.connect(self)

        class TlsConnection(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return guard.connect(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = PlainConnection

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = TlsConnection

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}


def retry_after_seconds(value: str, now: datetime | None = None) -> float | None:
    """Read a Retry-After header, seconds or HTTP date; None when it is neither."""
    text = value.strip()
    if text.isdigit():
        return float(min(int(text), 7 * 86400))
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def raise_for_status(response: requests.Response, words: str = "") -> None:
    """Translate an HTTP status into an error by who must act; 2xx passes."""
    status = response.status_code
    if status < 300:
        return
    if status < 400 and "Location" in response.headers:
        host = urlsplit(response.url or "").netloc.rpartition("@")[2]
        raise Rejected(f"{host} redirects elsewhere: write the final address")
    said = (words or _sample(response)).strip()
    text = f"{status} from {urlsplit(response.url or '').hostname}: {said}"
    after = retry_after_seconds(response.headers.get("Retry-After", ""))
    if status in {401, 403}:
        raise AuthError(text)
    if status in {408, 409, 420, 425, 429} or status >= 500:
        raise RetryLater(text, after=after)
    raise Rejected(text)


def _sample(response: requests.Response) -> str:
    try:
        raw = (
            response.raw.read(500, decode_content=True)
            if not getattr(response, "_content_consumed", False)
            else (response.content[:500])
        )
    except Exception:
        return ""
    return str(raw.decode("utf-8", "replace")) if isinstance(raw, bytes) else ""


class _Session(requests.Session):
    """A session that follows no redirect, whoever uses it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Nowhere: a redirect is the answer."""
        return None


class HttpClient:
    """HTTP for one connection. `base_url`'s host was set by an admin and may be private."""

    def __init__(
        self,
        base_url: str = "",
        *,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        allowed_networks: Sequence[str] = (),
        trusted: bool = True,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        host = (urlsplit(base_url).hostname or "").lower()
        guard = _Guard(
            [ipaddress.ip_network(text, strict=False) for text in allowed_networks],
            frozenset({host}) if trusted and host else frozenset(),
        )
        self.session: requests.Session = _Session()
        self.session.trust_env = False
        self.session.headers.update({"User-Agent": USER_AGENT, **(headers or {})})
        if auth:
            # Bytes: 1C matches names and passwords as UTF-8, requests would encode latin-1.
            self.session.auth = (auth[0].encode(), auth[1].encode())  # type: ignore[assignment]  # the stubs know only text
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, GuardedAdapter(guard))

    def request(
        self,
        method: str,
        url: str,
        *,
        expect: str = "any",
        retry: bool | None = None,
        accept: Sequence[int] = (),
        **options: Any,
    ) -> requests.Response:
        """Send one request; a 2xx response comes back, anything else is raised translated.

        `url` may be relative to the base. `expect="json"` refuses a reply that is not JSON.
        `accept` names further statuses that are an answer, such as a redirect to be handed on.
        Idempotent calls are tried three times on connection trouble unless `retry` says not to.
        """
        target = url if "://" in url else f"{self.base_url}/{url.lstrip('/')}"
        options.setdefault("timeout", self.timeout)
        options["allow_redirects"] = False
        tries = 3 if (method.upper() in IDEMPOTENT if retry is None else retry) else 1
        attempt = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(tries),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2),
            retry=tenacity.retry_if_exception(_is_transport_trouble),
            reraise=True,
        )
        response: requests.Response = attempt(self._send, method, target, options)
        if response.status_code not in accept:
            raise_for_status(response)
        if expect == "json" and "json" not in response.headers.get("Content-Type", "").lower():
            raise RetryLater(
                f"{urlsplit(target).hostname} answered "
                f"{response.headers.get('Content-Type') or 'without a type'} instead of JSON: "
                f"{_sample(response)[:200]}"
            )
        return response

    def _send(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        try:
            response = self.session.request(method, url, **{**options, "stream": True})
            if not options.get("stream"):
                read_limited(response)
            return response
        except requests.RequestException as error:
            raise translate(error, url) from error


def read_limited(response: requests.Response, limit: int = MAX_REPLY_BYTES) -> bytes:
    """Read a streamed reply into `response.content`, refusing more than `limit` bytes."""
    pieces, size, deadline = [], 0, time.monotonic() + 600
    for piece in response.iter_content(65536):
        size += len(piece)
        if size > limit:
            response.close()
            raise Rejected(f"the reply is larger than {limit} bytes")
        if time.monotonic() > deadline:
            response.close()
            raise RetryLater("the reply took longer than 10 minutes")
        pieces.append(piece)
    response._content = b"".join(pieces)  # noqa: SLF001  # requests has no public way to hand over a body read with a limit
    return response._content  # noqa: SLF001  # see above


def _is_transport_trouble(error: BaseException) -> bool:
    return isinstance(error, RetryLater) and error.detail == "transport"


def translate(error: requests.RequestException, url: str) -> HubError:
    """Turn a foreign exception into the hub's own, with the host and what to look at."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, HubError):
            return inner
        inner = inner.__context__ or inner.__cause__
    host = urlsplit(url).netloc.rpartition("@")[2]
    if isinstance(error, requests.exceptions.SSLError):
        return RetryLater(f"TLS with {host} failed: check the certificate", detail="tls")
    if isinstance(error, requests.exceptions.Timeout):
        return RetryLater(f"{host} did not answer in time", detail="transport")
    if isinstance(error, requests.exceptions.ConnectionError):
        return RetryLater(f"{host} cannot be reached", detail="transport")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return AddressNotAllowed(f"«{host or url}» is not an address one can call")
    return RetryLater(f"the exchange with {host} failed: {type(error).__name__}")


def client_for(connection: Any, base_url: str, **options: Any) -> HttpClient:
    """The HTTP client of one connection; `base_url` comes from its settings."""
    return HttpClient(base_url, allowed_networks=connection.allowed_networks, **options)
