"""The gateway alone, on either store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.gateway import door as hub_door
from hub.gateway import health
from hub.gateway.accept import Gateway
from hub.sdk.request import RawRequest
from hub.store.store import Store
from tests.support.hub import Hub


@dataclass
class Door:
    """The gateway as a sender sees it, and the hub behind it."""

    hub: Hub
    client: FlaskClient
    gateway: Gateway

    def post(self, name: str, request: RawRequest) -> TestResponse:
        """Send a request as it is to `/in/<name>`."""
        path = f"/in/{name}/{request.path}" if request.path else f"/in/{name}"
        return self.client.open(
            path,
            method=request.method,
            query_string=request.query,
            data=request.body,
            headers=list(request.headers),
        )


def open_door(store: Store) -> Door:
    """The gateway and the health pages, without API and pages."""
    app = Flask("door", static_folder=None)
    gateway = hub_door.register(app, store)
    health.register(app, store)
    return Door(Hub(store), app.test_client(), gateway)


@pytest.fixture
def door(store: Store) -> Iterator[Door]:
    """A gateway on SQLite and on PostgreSQL."""
    opened = open_door(store)
    yield opened
    opened.gateway.rejections.flush()


@pytest.fixture
def sqlite_door(sqlite_store: Store) -> Iterator[Door]:
    """A gateway on SQLite, for tests that no database can change."""
    opened = open_door(sqlite_store)
    yield opened
    opened.gateway.rejections.flush()
