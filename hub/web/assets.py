"""Static files and their addresses, which change with their content."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, request, url_for

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
VENDOR = {
    "css": "vendor/tabler-1.6.1/tabler.min.css",
    "htmx": "vendor/htmx-2.0.11/htmx.min.js",
    "chart": "vendor/chart.js-4.6.1/chart.umd.min.js",
    "icons": "vendor/tabler-icons-3.51.0/icons.svg",
}
ONE_YEAR_SECONDS = 365 * 24 * 3600


def asset(name: str) -> str:
    """The address of a static file, changing with its content."""
    # Hundreds of icons of a page lie in one file: its address is made once a request.
    known: dict[str, str] = g.setdefault("assets", {})
    if name not in known:
        known[name] = url_for("assets.static", filename=name, v=_digest(name))
    return known[name]


def address(endpoint: str, **values: Any) -> str:
    """What `url_for` says, kept: the rows of a list ask for the same few hundred addresses."""
    # By types too: 1 and True are one key, but not one address.
    kinds = tuple(map(type, values.values()))
    mounted_at = request.environ.get("SCRIPT_NAME", "")
    try:
        return _address(mounted_at, endpoint, tuple(values.items()), kinds)
    except TypeError:
        # A value that cannot be a key, as a list of filters.
        return url_for(endpoint, **values)


@lru_cache(maxsize=16_384)
def _address(
    _mounted_at: str,
    endpoint: str,
    values: tuple[tuple[str, Any], ...],
    _kinds: tuple[type, ...],
) -> str:
    return url_for(endpoint, **dict(values))


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def make_blueprint() -> Blueprint:
    """Serves the files; those asked for by their content's digest may be kept for good."""
    blueprint = Blueprint(
        "assets",
        __name__,
        static_folder=str(STATIC),
        static_url_path="/assets",
        template_folder=str(FOLDER / "templates"),
    )

    @blueprint.after_request
    def _cache(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.status_code == 200 and request.args.get("v"):
            response.cache_control.no_cache = None
            response.cache_control.public = True
            response.cache_control.max_age = ONE_YEAR_SECONDS
            response.cache_control.immutable = True
        return response

    return blueprint
