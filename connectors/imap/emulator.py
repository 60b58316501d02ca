"""A real IMAP server (pymap, in memory) on a free loopback port, with a mailbox of sample mails."""

from __future__ import annotations

import asyncio
import imaplib
import re
import ssl
import threading
from argparse import Namespace
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from hub.sdk.request import RawRequest

USERNAME, PASSWORD = "sales@shop.example", "emulated-app-password"
FIXTURES = Path(__file__).parent / "fixtures"
#: The mailbox in the order of arrival.
MAILS = ("thread-1", "koi8r", "thread-2", "cp1251-raw", "bounce", "thread-3", "auto-reply", "bulk")
_DATE = re.compile(rb"^Date: \w{3}, \d{1,2} [A-Z][a-z]{2} \d{4} .*$", re.MULTILINE)


class ImapServer:
    """pymap's in-memory server in a thread; with `context` it speaks TLS from the first byte."""

    def __init__(
        self, username: str, password: str, context: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.username, self.password, self.port = username, password, port
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Serve; returns when the port answers."""
        self._thread.start()
        self._ready.wait(30)
        if self._failure or not self._ready.is_set():
            raise RuntimeError("the IMAP server did not start") from self._failure

    def stop(self) -> None:
        """End all sessions and free the port."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(30)

    def append(
        self, mail: bytes, folder: str = "INBOX", arrived_at: datetime | None = None
    ) -> None:
        """Put a mail into a folder, as another program would."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=30) as client:
            client.login(self.username, self.password)
            moment = arrived_at or datetime.now(UTC)
            status, words = client.append(folder, "", moment, mail)
            if status != "OK":
                raise RuntimeError(f"the mail was not taken: {words}")

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            self._failure = error
            self._ready.set()
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        from proxyprotocol.noop import ProxyProtocolNoop
        from proxyprotocol.reader import ProxyProtocolReader
        from pymap.backend.dict import DictBackend
        from pymap.imap import IMAPServer
        from pysasl.hashing import BuiltinHash

        arguments = Namespace(
            host="127.0.0.1",
            port=str(self.port),
            debug=False,
            cert=None,
            key=None,
            tls=False,
            proxy_protocol=None,
            passlib_cfg=None,
            inherited_sockets=None,
            demo_data=False,
            demo_user=self.username,
            demo_password=self.password,
        )
        # One round: the only password is an invented one, and every login would cost 0.2 s.
        backend, config = await DictBackend.init(
            arguments, invalid_user_sleep=0.0, hash_context=BuiltinHash(rounds=1)
        )
        config.apply_context()
        answer = ProxyProtocolReader(ProxyProtocolNoop()).get_callback(
            IMAPServer(backend.login, config)
        )
        async with AsyncExitStack() as stack:
            await backend.start(stack)
            server = await asyncio.start_server(answer, "127.0.0.1", self.port, ssl=self._context)
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._over.wait()
            server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()


class Emulator:
    """An account with eight mails: a thread of three, KOI8-R, raw Windows-1251, a bounce, …"""

    def __init__(self, port: int = 0) -> None:
        self.server = ImapServer(USERNAME, PASSWORD, port=port)

    def start(self) -> None:
        """Serve the mailbox, its mails dated within the last hours."""
        self.server.start()
        now = datetime.now(UTC)
        for place, name in enumerate(MAILS):
            sent_at = now - timedelta(hours=len(MAILS) - place)
            mail = (FIXTURES / f"messages.{name}.eml").read_bytes()
            self.server.append(_DATE.sub(b"Date: " + format_datetime(sent_at).encode(), mail, 1))

    def stop(self) -> None:
        """Close the mailbox."""
        self.server.stop()

    def connection(self) -> dict[str, Any]:
        """The connection file for this mailbox."""
        return {
            "connector": "imap",
            "title": "Почта отдела продаж",
            "settings": {
                "host": "127.0.0.1",
                "port": self.server.port,
                "tls": False,
                "username": USERNAME,
                "folder": "INBOX",
            },
            "secrets": {"password": PASSWORD},
            "schedule": {"messages": "every 1m"},
        }

    def webhooks(self) -> list[RawRequest]:
        """None: a mailbox is asked, it does not call."""
        return []

    def expected(self) -> Mapping[str, int]:
        """One message a mail."""
        return {"message": len(MAILS)}
