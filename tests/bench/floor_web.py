"""The floor of the accept: a bare Flask application whose one route only verifies the HMAC."""

from __future__ import annotations

import hashlib
import hmac

from flask import Flask, request

from connectors.standard_webhook.emulator import SECRET


def serve() -> Flask:
    """gunicorn's entry."""
    app = Flask("floor", static_folder=None)

    @app.post("/verify")
    def verify() -> tuple[str, int]:
        given = request.headers.get("X-Signature", "").removeprefix("sha256=")
        digest = hmac.digest(SECRET.encode(), request.get_data(), hashlib.sha256).hex()
        return ("ok", 200) if hmac.compare_digest(given, digest) else ("no", 401)

    return app
