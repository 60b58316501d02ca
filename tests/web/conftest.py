"""The site over a hub with something on every page; signed-in clients; a browser."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from hub.app import create_app
from hub.settings import Settings
from hub.store import users
from hub.store.store import Store
from tests.conftest import SECRET_KEY
from tests.support.people import Colleague
from tests.support.quick import keep_templates
from tests.web.scene import PASSWORD, Scene, build

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SignIn = Callable[[Colleague], "Visitor"]


class Visitor:
    """Somebody with a browser's habits: keeps cookies, sends the CSRF token of the last page."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> str:
        """The page, which must be there."""
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def token(self) -> str:
        """A CSRF token of this session."""
        page = self.client.get("/login", follow_redirects=True).text
        found = re.search(r'<meta name="csrf-token" content="([^"]+)">', page)
        assert found
        return found[1]

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form; returns the status and where it leads."""
        answer = self.client.post(path, data={"csrf_token": self.token(), **fields})
        return answer.status_code, answer.headers.get("Location", "")

    def sign_in(self, email: str, password: str, **fields: str) -> tuple[int, str]:
        """Fill in the login form."""
        return self.post("/login", email=email, password=password, **fields)


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """Argon2 as cheap as it goes: what it costs in earnest is not what these tests are about."""
    earnest = users._hasher
    users._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    users._hasher = earnest


@pytest.fixture(scope="session")
def scene_template(
    quick_passwords: None,
    sqlite_template: Path,
    redis_address: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Scene]:
    """A database with something on every page, to copy."""
    home = tmp_path_factory.mktemp("scene")
    shutil.copy(sqlite_template, home / "hub.db")
    store = Store.open(Settings(home=home, redis_url=redis_address, secret_key=SECRET_KEY))
    scene = build(store)
    store.database.dispose()
    return home / "hub.db", scene


@pytest.fixture
def scene(sqlite_store: Store, scene_template: tuple[Path, Scene]) -> Scene:
    """Something on every page."""
    path, found = scene_template
    sqlite_store.database.dispose()
    shutil.copy(path, sqlite_store.settings.home / "hub.db")
    return found


@pytest.fixture
def site(sqlite_store: Store) -> Flask:
    """The application. A name that a template misspells fails the test."""
    app = keep_templates(create_app(store=sqlite_store))
    app.jinja_env.undefined = StrictUndefined
    return app


@pytest.fixture
def stranger(site: Flask) -> Visitor:
    """Nobody has signed in yet."""
    return Visitor(site.test_client())


@pytest.fixture
def sign_in(site: Flask, scene: Scene) -> SignIn:
    """A colleague, signed in."""

    def visit(who: Colleague) -> Visitor:
        visitor = Visitor(site.test_client())
        assert visitor.sign_in(who.email, PASSWORD)[0] == 302
        return visitor

    return visit


@pytest.fixture
def address(site: Flask, scene: Scene) -> Iterator[str]:
    """The site served over HTTP."""
    server = make_server("127.0.0.1", 0, site, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()
