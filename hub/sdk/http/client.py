"""HTTP for one connection: what connectors call. See the package's other modules for the limits."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity

from hub.sdk.errors import RetryLater
from hub.sdk.http.adapter import GuardedAdapter
from hub.sdk.http.guard import Guard
from hub.sdk.http.replies import raise_for_status, read_limited, sample, translate
from hub.sdk.traffic import UNLIMITED, Traffic

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 30.0
#: One whole exchange, connecting and reading included: shorter than a destination's lease, or
#: another machine would take over in the middle of a call.
TOTAL_SECONDS = 90.0
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
USER_AGENT = "Uzel/0.1"
Response = requests.Response


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Redirects are replies like others: to look where one leads, requests would read its
        whole body, however long."""
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
        total_seconds: float = TOTAL_SECONDS,
        traffic: Traffic = UNLIMITED,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        host = (urlsplit(base_url).hostname or "").rstrip(".").lower()
        guard = Guard(
            [ipaddress.ip_network(text, strict=False) for text in allowed_networks],
            frozenset({host}) if trusted and host else frozenset(),
        )
        self.session = _Session()
        self.session.trust_env = False
        self.session.headers.update({"User-Agent": USER_AGENT, **(headers or {})})
        if auth:
            # Bytes: 1C matches names and passwords as UTF-8, requests would encode latin-1.
            self.session.auth = (auth[0].encode(), auth[1].encode())  # type: ignore[assignment]  # the stubs know only text
        self._adapter = GuardedAdapter(guard, traffic, total_seconds)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, self._adapter)

    def request(
        self,
        method: str,
        url: str,
        *,
        expect: str = "any",
        retry: bool | None = None,
        group: str = "",
        accept: Sequence[int] = (),
        **options: Any,
    ) -> requests.Response:
        """Send one request; a 2xx response comes back, anything else is raised translated.

        `url` may be relative to the base. `expect="json"` refuses a reply that is not JSON.
        Idempotent calls are tried three times on connection trouble unless `retry` says not to.
        `accept` names further statuses that are an answer, such as a redirect to be handed on.
        `group` names a limit of the manifest's own for such calls.
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
        response: requests.Response = attempt(self._send, method, target, group, options)
        if response.status_code not in accept:
            raise_for_status(response)
        if expect == "json" and "json" not in response.headers.get("Content-Type", "").lower():
            raise RetryLater(
                f"{urlsplit(target).hostname} answered "
                f"{response.headers.get('Content-Type') or 'without a type'} instead of JSON: "
                f"{sample(response)[:200]}"
            )
        return response

    @contextmanager
    def open(self, method: str, url: str, **options: Any) -> Iterator[Response]:
        """Send one request once; its reply, whatever its status, is still in the socket.

        For replies too large for memory: read them with `pieces`. Transport trouble is raised
        translated; who reads must know by the reply itself that it has come to its end.
        """
        target = url if "://" in url else f"{self.base_url}/{url.lstrip('/')}"
        options.setdefault("timeout", self.timeout)
        options |= {"allow_redirects": False, "stream": True}
        try:
            response = self.session.request(method, target, **options)
        except requests.RequestException as error:
            raise translate(error, target) from error
        try:
            yield response
        finally:
            response.close()

    def _send(
        self, method: str, url: str, group: str, options: dict[str, Any]
    ) -> requests.Response:
        with self._adapter.exchange(group) as exchange:
            try:
                response = self.session.request(method, url, **{**options, "stream": True})
                read_limited(response)
            except requests.RequestException as error:
                raise self._adapter.judged(error, url, exchange) from error
            # A cut connection looks like the end of a body whose length was not told.
            if exchange.struck:
                raise self._adapter.judged(requests.ReadTimeout(), url, exchange)
            exchange.answered()
            return response


def pieces(response: Response) -> Iterator[bytes]:
    """The body of an opened reply as it comes, unpacked; RetryLater when the connection breaks."""
    try:
        yield from response.iter_content(65536)
    except requests.RequestException as error:
        raise translate(error, response.url or "") from error


def _is_transport_trouble(error: BaseException) -> bool:
    return isinstance(error, RetryLater) and error.detail == "transport"


def client_for(connection: Any, base_url: str, **options: Any) -> HttpClient:
    """The HTTP client of one connection; `base_url` comes from its settings."""
    return HttpClient(
        base_url,
        allowed_networks=connection.allowed_networks,
        traffic=connection.traffic,
        **options,
    )
