"""One session of a 1C base kept over several calls, and ended, so that no licence stays taken.

Without it each call opens and closes a session of the base (seconds on a cold base, 0.1 s on a
warm one). The client asks with the header `IBSession: start` and is given the cookie `ibsession`;
a publication that reuses no sessions ignores the header and works as before. The cookie belongs to
one HTTP session, so to one run of one connection: two workers that share a cookie wait for each
other inside 1C. Works for web services, HTTP services and OData alike.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import requests

from connectors._protocols.onec_replies import BUSY_PAUSE_SECONDS
from hub.sdk.errors import HubError, RetryLater

HEADER, COOKIE = "IBSession", "ibsession"
#: How often a session that the base does not know any more is begun anew for one call.
MAX_STARTS = 3
#: What a publication answers to a cookie of a session that is over.
UNKNOWN_SESSION = frozenset({400, 404})
log = logging.getLogger(__name__)

Read = Callable[[Mapping[str, str]], requests.Response]
Call = Callable[[], requests.Response]


class IbSession:
    """Keeps a session for the calls of one `requests.Session`; finish it, whatever happened.

    `read` sends a harmless GET with the headers it is given: a session begins and ends with it,
    never with a call that writes.
    """

    def __init__(self, session: requests.Session, read: Read) -> None:
        self._session, self._read = session, read
        self._asked = False

    @property
    def is_open(self) -> bool:
        """Whether the base has given a session."""
        return any(cookie.name.lower() == COOKIE for cookie in self._session.cookies)

    def send(self, call: Call) -> requests.Response:
        """Make a call inside the session; one that the base forgot is begun anew, at most thrice.

        RetryLater when the base gives no session now (406). The response is the caller's to judge.
        """
        for number in range(MAX_STARTS + 1):
            if not self._asked:
                self._start()
            response = call()
            known = response.status_code not in UNKNOWN_SESSION
            if known or not self.is_open or number == MAX_STARTS:
                return response
            # Not a word of the call was carried out: the base did not know whose it was.
            response.close()
            self._forget()
        raise AssertionError("unreachable")

    def _start(self) -> None:
        self._forget()
        self._asked = True
        response = self._read({HEADER: "start"})
        response.close()
        if response.status_code == 406:
            self._asked = False
            raise RetryLater(
                "1С не дала новый сеанс (406): исчерпан пул сеансов публикации",
                after=BUSY_PAUSE_SECONDS,
            )

    def finish(self) -> None:
        """End the session if there is one; trouble is only logged, the base ends it by time."""
        if self.is_open:
            try:
                self._read({HEADER: "finish"}).close()
            except (HubError, requests.RequestException) as error:
                log.info("the 1C session was not finished: %s", error)
        self._forget()

    def _forget(self) -> None:
        self._session.cookies.clear()
        self._asked = False
