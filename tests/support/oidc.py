"""A small honest OpenID provider: discovery, keys, code with PKCE, a signed token, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "uzel", "sso-client-secret-1"


@dataclass
class Provider:
    """Signs in whoever `person` is; each code is good once, for its PKCE verifier."""

    person: dict[str, Any]
    #: Laid over the claims of the next token, for tests of what must not be believed.
    forged: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
        self.signing_key = self.key
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.post(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def get(self, web: BaseHTTPRequestHandler) -> None:
        """Discovery, keys; the login page that asks nothing and leads back with a code."""
        parts = urlsplit(web.path)
        if parts.path == "/.well-known/openid-configuration":
            answer(web, self.metadata())
        elif parts.path == "/keys":
            answer(web, {"keys": [self.key.as_dict(private=False)]})
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            code = secrets.token_urlsafe(8)
            self.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"]})
            web.send_response(302)
            web.send_header("Location", f"{asked['redirect_uri']}?{back}")
            web.end_headers()
        else:
            web.send_error(404)

    def metadata(self) -> dict[str, Any]:
        """What discovery tells."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def post(self, web: BaseHTTPRequestHandler) -> None:
        """A token for a code, its verifier and the client's secret."""
        length = int(web.headers["Content-Length"])
        form = {
            name: values[0] for name, values in parse_qs(web.rfile.read(length).decode()).items()
        }
        given = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        spelled = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        is_right = (
            asked is not None
            and web.headers.get("Authorization") == f"Basic {given}"
            and asked["code_challenge"] == spelled
            and asked["redirect_uri"] == form["redirect_uri"]
        )
        if asked is None or not is_right:
            answer(web, {"error": "invalid_grant"}, 400)
        else:
            token = self._token(asked["nonce"])
            answer(web, {"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.person,
            **self.forged,
        }
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signing_key)


def answer(web: BaseHTTPRequestHandler, body: dict[str, Any], status: int = 200) -> None:
    """A JSON reply."""
    raw = json.dumps(body).encode()
    web.send_response(status)
    web.send_header("Content-Type", "application/json")
    web.send_header("Content-Length", str(len(raw)))
    web.end_headers()
    web.wfile.write(raw)
