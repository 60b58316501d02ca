"""A caller with a token of each role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from json import loads
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import Headers

from hub.store import tokens
from hub.store.store import Store


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status_code: int
    headers: Headers
    mimetype: str
    text: str

    @property
    def json(self) -> Any:
        """The answer's document."""
        return loads(self.text)


class Caller:
    """Calls the API with one token."""

    def __init__(self, app: Flask, token: str) -> None:
        self._client, self.token = app.test_client(), token

    def __call__(
        self, method: str, path: str, json: Any = None, repeat_key: str = "", **query: Any
    ) -> Answer:
        """One request; `repeat_key` goes as its Idempotency-Key."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if repeat_key:
            headers["Idempotency-Key"] = repeat_key
        answer = self._client.open(
            f"/api/v1{path}",
            method=method,
            json=json,
            query_string=query or None,
            headers=headers,
        )
        return Answer(answer.status_code, answer.headers, answer.mimetype or "", answer.text)

    def get(self, path: str, **query: Any) -> Any:
        """The document of a GET that must succeed."""
        answer = self("GET", path, **query)
        assert answer.status_code == 200, answer.text
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
