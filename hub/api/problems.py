"""Errors of the API as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from flask import Flask, Response, json, request
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException, InternalServerError, default_exceptions

from hub.sdk.errors import ConfigError, HubError, Rejected, RetryLater

PREFIX: Final = "/api/"
MEDIA_TYPE: Final = "application/problem+json"
log = logging.getLogger("hub.api")


class PlaceSchema(Schema):
    """One thing that is wrong in what was sent."""

    place = fields.String(required=True, metadata={"description": "query.limit, json.phone …"})
    message = fields.String(required=True)


class ProblemSchema(Schema):
    """Why a request was not carried out."""

    type = fields.String(required=True, metadata={"description": "Names the kind of problem."})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    errors = fields.List(fields.Nested(PlaceSchema))


def register(app: Flask) -> None:
    """Answer every error under /api/ as a problem; elsewhere earlier handlers stay in charge."""
    before: dict[type[Exception], Any] = {}
    for handlers in app.error_handler_spec[None].values():
        before.update(handlers)
    kinds: list[type[HTTPException]] = [HTTPException, *default_exceptions.values()]
    for kind in kinds:
        handler = before.get(kind) or before.get(HTTPException)

        def handle(error: Any, handler: Any = handler) -> Any:
            if request.path.startswith(PREFIX):
                return from_http(error)
            return handler(error) if handler else error

        app.register_error_handler(kind, handle)


def from_http(error: HTTPException) -> Response:
    """The problem for an HTTP error; webargs leaves what is wrong in the error's `data`."""
    code = error.code or 500
    if code == 500:
        cause = getattr(error, "original_exception", None)
        log.error("api failed: %s %s", request.method, request.path, exc_info=cause)
        error = InternalServerError()
    data = getattr(error, "data", None) or {}
    messages = data.get("messages")
    errors = _flatten(messages) if isinstance(messages, Mapping) else []
    detail = "The request is not what this operation takes." if errors else error.description
    answer = problem(code, error.name, detail or "", errors=errors)
    if code == 405:
        allowed = getattr(error, "valid_methods", None)
        answer.headers["Allow"] = ", ".join(sorted(allowed or []))
    for name, value in (data.get("headers") or {}).items():
        answer.headers[name] = value
    return answer


def from_hub(error: HubError) -> Response:
    """The problem for an error of the hub itself: what it says is meant for people."""
    if isinstance(error, RetryLater):
        answer = problem(503, "Service Unavailable", error.message, error.code)
        answer.headers["Retry-After"] = str(round(error.after or 5))
        return answer
    if isinstance(error, ConfigError):
        places = [{"place": error.place, "message": error.message}] if error.place else []
        problems = getattr(error, "problems", ())
        places = [{"place": one.key, "message": str(one)} for one in problems] or places
        return problem(422, "Unprocessable Entity", error.message, error.code, places)
    if isinstance(error, Rejected):
        return problem(409, "Conflict", error.message, error.code)
    return problem(422, "Unprocessable Entity", error.message, error.code)


def problem(
    status: int,
    title: str,
    detail: str = "",
    code: str = "",
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """A problem as a response. `code` is the hub's own name of the error."""
    body: dict[str, Any] = {
        "type": f"urn:uzel:problem:{code}" if code else "about:blank",
        "title": title,
        "status": status,
    }
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    answer = Response(json.dumps(body), status, mimetype=MEDIA_TYPE)
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="uzel"'
    return answer


def _flatten(messages: Any, place: str = "") -> list[dict[str, str]]:
    if isinstance(messages, Mapping):
        found = []
        for name, below in messages.items():
            inner = place if name == "_schema" else f"{place}.{name}".lstrip(".")
            found += _flatten(below, inner)
        return found
    texts = messages if isinstance(messages, list) else [messages]
    return [{"place": place, "message": str(text)} for text in texts]
