"""How an operation is declared: what it takes, what it gives, how it can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

from hub.api import problems, repeats
from hub.api.access import guard
from hub.sdk.errors import HubError

#: The component every documented error refers to.
PROBLEM: Final = "Problem"
API_PREFIX: Final = "/api/v1"
_ALWAYS: Final = (401, 403, 422)
View = Callable[..., Any]


class QueryParser(FlaskParser):
    """Gives a query as a plain table. webargs' own asks its proxy for each field of the schema,
    there or not: a twentieth of a short answer's time."""

    def load_querystring(self, req: Request, schema: Schema) -> dict[str, Any]:
        """What the query says; fields of several values as lists."""
        return dict(super().load_querystring(req, schema))


class Group(Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """Operations under one address."""

    ARGUMENTS_PARSER = QueryParser()


def blueprint(name: str, area: str, description: str) -> Group:
    """A group of operations under /api/v1, open to the roles of one area."""
    made = Group(f"api-{name}", __name__, url_prefix=API_PREFIX, description=description)
    made.before_request(guard(area))
    made.register_error_handler(HubError, problems.from_hub)
    return made


def operation(
    group: Group,
    method: str,
    path: str,
    answer: type[Schema],
    *,
    endpoint: str = "",
    query: type[Schema] | None = None,
    body: type[Schema] | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    once: bool = False,
) -> Callable[[View], View]:
    """Declare a view as an operation. It gets `query`, then `body`, as checked tables.

    `errors` are the statuses it may answer besides 401, 403 and 422 (and 400 with a body).
    A POST may be sent again with its key; `once`: see `repeats.answered_once`.
    """

    is_deed = method == "POST"

    def declare(view: View) -> View:
        declared = group.response(status, answer)(view)
        codes = {*_ALWAYS, *errors, *((400,) if body else ()), *((409,) if is_deed else ())}
        for code in sorted(codes):
            declared = group.alt_response(code, PROBLEM)(declared)
        if body is not None:
            declared = group.arguments(body, location="json")(declared)
        if query is not None:
            # Made once: a schema made for every request costs more than reading its query does.
            declared = group.arguments(query(), location="query", unknown=RAISE)(declared)
        name = endpoint or view.__name__
        documented: dict[str, Any] = {"operationId": name}
        if is_deed:
            documented["parameters"] = [repeats.PARAMETER]
            declared = repeats.answered_once(declared, once=once)
        declared = group.doc(**documented)(declared)
        group.add_url_rule(path, name, declared, methods=[method])
        return view

    return declare
