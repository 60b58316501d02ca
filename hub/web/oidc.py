"""OpenID Connect with the company's identity provider: discovery, PKCE, state, nonce, the token.

Every request to it goes through the guarded HTTP client; the provider's host is an admin's word.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.core.errors import OAuth2Error
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hub.sdk.errors import AuthError, ConfigError, HubError, RetryLater
from hub.sdk.http import HttpClient

#: What a provider may sign with; never «none», never a secret that both sides know.
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
)  # fmt: skip
DISCOVERY: Final = "/.well-known/openid-configuration"
KEPT_SECONDS: Final = 600.0
LEEWAY_SECONDS: Final = 60
TIMEOUT: Final = (5.0, 10.0)
TOTAL_SECONDS: Final = 15.0
_lock = threading.Lock()
_discovered: dict[str, tuple[float, dict[str, Any]]] = {}


@dataclass(frozen=True)
class Request:
    """What a sign-on is begun with; kept in the session until the person comes back."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def fresh(cls) -> Request:
        """Three secrets that nobody can guess."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True)
class Client:
    """The hub as the provider knows it."""

    issuer: str
    client_id: str
    client_secret: str
    scope: str
    allowed_networks: tuple[str, ...] = ()

    def authorization_url(self, begun: Request, redirect_uri: str) -> str:
        """Where the person is led to sign in."""
        return str(
            prepare_grant_uri(
                self._endpoint("authorization_endpoint"),
                self.client_id,
                "code",
                redirect_uri=redirect_uri,
                scope=self.scope,
                state=begun.state,
                nonce=begun.nonce,
                code_challenge=create_s256_code_challenge(begun.verifier),
                code_challenge_method="S256",
            )
        )

    def claims(self, code: str, begun: Request, redirect_uri: str) -> dict[str, Any]:
        """Who came back with this code, proved: what the provider says of them.

        AuthError when its word cannot be trusted; RetryLater when it is away.
        """
        answer = self._exchange(code, begun, redirect_uri)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise AuthError("the identity provider sent no id_token")
        claims = self._proved(token, begun)
        access = answer.get("access_token")
        if not claims.get("email") and access and "userinfo_endpoint" in self._metadata():
            claims = self._with_userinfo(claims, str(access))
        return claims

    def _exchange(self, code: str, begun: Request, redirect_uri: str) -> dict[str, Any]:
        methods = self._metadata().get("token_endpoint_auth_methods_supported")
        method = "client_secret_basic"
        if not self.client_secret:
            method = "none"
        elif isinstance(methods, list) and method not in methods:
            method = "client_secret_post"
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": begun.verifier,
        }
        address = self._endpoint("token_endpoint")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form)
        auth = ClientAuth(self.client_id, self.client_secret, method)
        address, headers, body = auth.prepare("POST", address, headers, body)
        try:
            return self._json("POST", address, data=body, headers=headers)
        except RetryLater:
            raise
        except HubError as error:
            raise AuthError(f"the identity provider refused the code: {error.message}") from error

    def _proved(self, token: str, begun: Request) -> dict[str, Any]:
        keys: Any = self._json("GET", self._endpoint("jwks_uri"))
        try:
            decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self.client_id},
                },
                {"nonce": begun.nonce, "client_id": self.client_id},
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, OAuth2Error, ValueError, TypeError, KeyError) as error:
            raise AuthError(
                f"the identity provider's token cannot be trusted: {type(error).__name__}",
                detail=str(error)[:300],
            ) from error
        return dict(claims)

    def _with_userinfo(self, claims: Mapping[str, Any], access: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {access}"}
        told = self._json("GET", self._endpoint("userinfo_endpoint"), headers=headers)
        if told.get("sub") != claims["sub"]:
            raise AuthError("the identity provider tells of another person")
        return {**told, **claims}

    def _endpoint(self, name: str) -> str:
        address = self._metadata().get(name)
        secure = urlsplit(self.issuer).scheme == "https"
        if not isinstance(address, str) or not address.startswith(
            "https://" if secure else ("http://", "https://")
        ):
            raise ConfigError(f"the identity provider names no {name}", place="oidc.issuer")
        return address

    def _metadata(self) -> dict[str, Any]:
        with _lock:
            at, known = _discovered.get(self.issuer, (float("-inf"), {}))
        if time.monotonic() - at < KEPT_SECONDS:
            return known
        found = self._json("GET", self.issuer.rstrip("/") + DISCOVERY)
        if str(found.get("issuer", "")).rstrip("/") != self.issuer.rstrip("/"):
            raise ConfigError(
                "the identity provider calls itself by another name", place="oidc.issuer"
            )
        with _lock:
            _discovered[self.issuer] = (time.monotonic(), found)
        return found

    def _json(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        client = HttpClient(
            self.issuer,
            allowed_networks=self.allowed_networks,
            timeout=TIMEOUT,
            total_seconds=TOTAL_SECONDS,
            headers={"Accept": "application/json"},
        )
        with client.session:
            answer = client.request(method, address, expect="json", **options).json()
        if not isinstance(answer, dict):
            raise AuthError("the identity provider's answer cannot be understood")
        return answer


def forget() -> None:
    """Ask the provider anew for its addresses (tests start others under one name)."""
    with _lock:
        _discovered.clear()
