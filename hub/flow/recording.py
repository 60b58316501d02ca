"""A call's recording: asked of the provider each time somebody wants to hear it, never stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urljoin

from hub.sdk.errors import Rejected, RetryLater, TooLarge
from hub.sdk.http.client import HttpClient, Response, client_for, pieces
from hub.store.connections import Configured
from hub.store.store import Store

#: Hours of talk; more is no call's recording.
MAX_SOUND_BYTES: Final = 200 * 1024 * 1024
MOST_REDIRECTS: Final = 4


def is_heard_here(store: Store, call: Mapping[str, Any]) -> bool:
    """Whether the hub can ask the call's provider for its recording."""
    if not call["recording_id"]:
        return False
    configured = store.catalog.by_id(call["connection_id"] or 0)
    return configured is not None and configured.connector.recording_link is not None


def fresh_link(store: Store, call: Mapping[str, Any]) -> str:
    """An address under which the call's recording can be heard now.

    Raises Rejected when there is none to ask for, and what the provider's refusal becomes.
    """
    configured = store.catalog.by_id(call["connection_id"] or 0)
    if not call["recording_id"] or configured is None:
        raise Rejected("this call has no recording that can be asked for")
    if configured.connector.recording_link is None:
        raise Rejected("this provider gives out no recordings")
    # The provider takes its time: no connection that a look shares waits for it.
    store.database.end_shared_reading()
    return configured.connector.recording_link(configured.connection, call["recording_id"])


@contextmanager
def opened(store: Store, call: Mapping[str, Any]) -> Iterator[Response]:
    """The recording's sound, still on the wire; read it with `sound`.

    A link dies after one listening, so a player that seeks could not use it twice: the sound goes
    through the hub. Where it leads is the provider's word, so the address guard judges it.
    """
    address = fresh_link(store, call)
    configured = store.catalog.by_id(call["connection_id"])
    assert configured is not None
    with _at(_client(configured), address, MOST_REDIRECTS) as response:
        yield response


def sound(response: Response) -> Iterator[bytes]:
    """The bytes of an opened recording; TooLarge beyond what any call can be."""
    size = 0
    for piece in pieces(response):
        size += len(piece)
        if size > MAX_SOUND_BYTES:
            raise TooLarge("the recording is larger than any call's")
        yield piece


def _client(configured: Configured) -> HttpClient:
    # Of hosts inside the company's network only the one an admin has named may be asked.
    own = str(configured.connection.settings.get("api_url") or "")
    return client_for(configured.connection, own)


@contextmanager
def _at(client: HttpClient, address: str, left: int) -> Iterator[Response]:
    with client.open("GET", address) as response:
        if response.is_redirect and left:
            with _at(client, urljoin(address, response.headers["Location"]), left - 1) as further:
                yield further
            return
        if response.status_code != 200:
            raise RetryLater(f"the provider answered {response.status_code} for this recording")
        yield response
