"""The API and the pages, asked by an admin with any path and query: never a 5xx."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from random import Random

from argon2 import PasswordHasher
from flask import Flask

from hub.app import create_app
from hub.sdk.request import RawRequest
from hub.settings import Settings
from hub.store import tokens, users
from hub.store.database import Database
from hub.store.migrate import upgrade
from hub.store.store import Store
from tests.fuzz.markup import mutate_http, split_http
from tests.fuzz.target import Finding, Run, Target, signature_of
from tests.fuzz.targets.hubs import Traceback, environ_of, wsgi
from tests.fuzz.targets.webhooks import request_of
from tests.support.people import ALICE

QUERY = {
    "limit": "50",
    "cursor": "MTIz",
    "phone": "+79160000077",
    "email": "a@b.example",
    "external_id": "1",
    "connection": "onec",
    "updated_since": "2026-01-12T15:00:00Z",
    "q": "насос",
    "status": "dead",
    "from": "2026-01-01",
    "to": "2026-01-31",
    "page": "2",
    "type": "x",
    "period": "week",
}
#: What leads out of this process, or ends the session.
LEFT_OUT = re.compile(r"/(check|logout|static|recording)\b")


def targets() -> list[Target]:
    """One target for every GET address of the application."""
    return [Target("site:queries", _open, 2)]


class Site:
    """The application over a store with something on every page."""

    def __init__(self) -> None:
        from tests.web.scene import PASSWORD, build

        self.home = Path(tempfile.mkdtemp(prefix="uzel-fuzz-"))
        fresh = Database(f"sqlite:///{self.home / 'hub.db'}")
        upgrade(fresh)
        fresh.dispose()
        nowhere = f"unix://{self.home / 'no-redis.sock'}"
        self.store = Store.open(Settings(home=self.home, redis_url=nowhere, secret_key="fuzz"))
        users._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        build(self.store)
        self.token = tokens.create(self.store.database, "fuzz", "admin")
        self.app: Flask = create_app(store=self.store)
        self.app.logger.propagate = False
        self.logged = Traceback()
        self.app.logger.addHandler(self.logged)
        self.cookie = self._sign_in(ALICE.email, PASSWORD)
        import logging

        logging.disable(logging.NOTSET)

    def _sign_in(self, email: str, password: str) -> str:
        client = self.app.test_client()
        page = client.get("/login").text
        found = re.search(r'<meta name="csrf-token" content="([^"]+)">', page)
        assert found
        fields = {"csrf_token": found[1], "email": email, "password": password}
        assert client.post("/login", data=fields).status_code == 302
        return "; ".join(f"{one.key}={one.value}" for one in (client._cookies or {}).values())

    def seeds(self) -> list[bytes]:
        """Every GET address, its parameters filled in, with every query field known."""
        query = "&".join(f"{name}={value}" for name, value in QUERY.items())
        found = []
        for rule in self.app.url_map.iter_rules():
            path = re.sub(r"<[^>]*>", "1", rule.rule)
            if "GET" in (rule.methods or ()) and not LEFT_OUT.search(path) and "/in/" not in path:
                found.append(f"GET {path}?{query} HTTP/1.1\nAccept: */*\n\n".encode())
                found.append(f"GET {path} HTTP/1.1\nAccept-Language: en\n\n".encode())
        return found

    def check(self, blob: bytes) -> None:
        """One GET, as an admin."""
        request, _ = request_of(blob)
        path = f"/{request.path}"
        if LEFT_OUT.search(path):
            return
        own = (("Authorization", f"Bearer {self.token}"), ("Cookie", self.cookie))
        headers = own[:1] if path.startswith("/api/") else own[1:]
        asked = RawRequest(b"", (*request.headers, *headers), "GET", request.path, request.query)
        self.logged.forget()
        status, body = wsgi(self.app, environ_of(asked, path))
        if status >= 500 and not path.startswith("/readyz"):
            cause = self.logged.error
            kind = f"answers {status}: {signature_of(cause) if cause else ''}"
            raise Finding(kind, body.decode("utf-8", "replace")[:300]) from cause

    def close(self) -> None:
        """Take the store down."""
        self.store.database.dispose()
        shutil.rmtree(self.home, ignore_errors=True)


def _change(blob: bytes, random: Random) -> bytes:
    changed = mutate_http(blob, random)
    if changed == blob or random.random() < 0.6:
        first, _, _ = split_http(blob)
        path, _, query = first.removesuffix(b" HTTP/1.1").partition(b"?")
        from tests.fuzz.mutate import mutate_form

        query = mutate_form(query, random).replace(b"\n", b"").replace(b"\r", b"")
        return path + b"?" + query.replace(b" ", b"+") + b" HTTP/1.1\n\n"
    return changed


def _open() -> Run:
    site = Site()
    return Run(site.seeds(), _change, site.check, close=site.close, limit=10)
