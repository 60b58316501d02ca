"""The page /api/docs: Swagger UI from our own disk, no inline script, no other host."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, url_for

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

pages = Blueprint(
    "api-pages", __name__, url_prefix="/api", static_folder="static", static_url_path="/static"
)


@pages.get("/docs")
def docs() -> Response:
    """The page with every operation."""

    def static(name: str) -> str:
        return url_for("api-pages.static", filename=name)

    html = _PAGE.format(
        style=static("swagger-ui.css"),
        spec=url_for("api-docs.openapi_json"),
        bundle=static("swagger-ui-bundle.js"),
        start=static("docs.js"),
    )
    answer = Response(html, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer
