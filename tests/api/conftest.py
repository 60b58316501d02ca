"""A caller with a token of each role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from hub.store import tokens
from hub.store.store import Store


class Caller:
    """Calls the API with one token."""

    def __init__(self, app: Flask, token: str) -> None:
        self._client, self.token = app.test_client(), token

    def __call__(self, method: str, path: str, json: Any = None, **query: Any) -> TestResponse:
        return self._client.open(
            f"/api/v1{path}",
            method=method,
            json=json,
            query_string=query,
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
        )

    def get(self, path: str, **query: Any) -> Any:
        """The document of a GET that must succeed."""
        answer = self("GET", path, **query)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json

    def ids(self, path: str, **query: Any) -> list[int]:
        """The ids of a list's page."""
        return [item["id"] for item in self.get(path, **query)["items"]]


@pytest.fixture
def caller(app: Flask, store: Store) -> Callable[[str], Caller]:
    """Makes a caller of a role."""

    def make(role: str) -> Caller:
        return Caller(app, tokens.create(store.database, f"{role}'s", role))

    return make


@pytest.fixture
def admin(caller: Callable[[str], Caller]) -> Caller:
    """A caller who may do everything."""
    return caller("admin")
