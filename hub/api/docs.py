"""The API's description, /api/openapi.json, and its page, /api/docs.

The page is Swagger UI from our own disk: no inline script, no other host.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

from flask import Blueprint, Flask, Response, json, url_for
from flask_smorest import Api
from flask_smorest import Blueprint as Group

from hub import __version__
from hub.api import problems
from hub.api.operation import PROBLEM

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Узел — API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{style}">
</head>
<body>
<div id="swagger" data-url="{spec}"></div>
<script src="{bundle}"></script>
<script src="{start}"></script>
</body>
</html>
"""


class _Described(Api):  # type: ignore[misc]  # flask-smorest ships no types
    """flask-smorest as the writer of the description only: errors are answered in problems.py."""

    DEFAULT_ERROR_RESPONSE_NAME = PROBLEM
    ERROR_SCHEMA = problems.ProblemSchema

    def _register_error_handlers(self) -> None:
        """Left out: it would answer the pages' errors too."""


class Description:
    """The API's description, made when it is first asked for: no process needs it to start."""

    def __init__(self, app: Flask, groups: Sequence[Group]) -> None:
        self._app, self._groups, self._lock = app, groups, threading.Lock()
        self._api = _Described(
            app,
            spec_kwargs={
                "title": "Узел (Uzel)",
                "version": __version__,
                "openapi_version": "3.1.0",
                "info": {"description": "The integration hub's records and its own affairs."},
                "security": [{"token": []}],
            },
        )
        self._text = ""

    @property
    def text(self) -> str:
        """The description as JSON."""
        with self._lock:
            self._text = self._text or json.dumps(self._make())
        return self._text

    def _make(self) -> dict[str, Any]:
        spec = self._api.spec
        spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
        content = {problems.MEDIA_TYPE: {"schema": problems.ProblemSchema}}
        description = "Why the request was not carried out."
        spec.components.response(PROBLEM, {"description": description, "content": content})
        for group in self._groups:
            group.register_views_in_doc(
                self._api, self._app, spec, name=group.name, parameters=None
            )
            spec.tag({"name": group.name, "description": group.description})
        made: dict[str, Any] = spec.to_dict()
        return made


def register(app: Flask, groups: Sequence[Group]) -> None:
    """Add the description and the page to an app."""
    description = Description(app, groups)
    pages = Blueprint(
        "api-pages", __name__, url_prefix="/api", static_folder="static", static_url_path="/static"
    )

    @pages.get("/openapi.json")
    def openapi() -> Response:
        """Every operation as OpenAPI 3.1."""
        return Response(description.text, mimetype="application/json")

    @pages.get("/docs")
    def page() -> Response:
        """Every operation as a page."""
        answer = Response(_page(), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = _POLICY
        return answer

    app.register_blueprint(pages)


def _page() -> str:
    def static(name: str) -> str:
        return url_for("api-pages.static", filename=name)

    return _PAGE.format(
        style=static("swagger-ui.css"),
        spec=url_for("api-pages.openapi"),
        bundle=static("swagger-ui-bundle.js"),
        start=static("docs.js"),
    )
