"""Who calls: Basic at the login, a signed cookie at every other step; pieces of files as events.

1C sends the password with the login (`mode=checkauth`) and may send it with nothing else; the
cookie that it got tells its session from then on. See decisions/0021.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode
from collections.abc import Iterable, Iterator
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Final

from hub.sdk.connection import Connection
from hub.sdk.dialogue import UPLOAD_TYPE, upload_key
from hub.sdk.errors import Ignored, SignatureError
from hub.sdk.protocols import Lookup
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest, Reply
from hub.sdk.signatures import encode, hmac_sha256, same

COOKIE: Final = "uzel_exchange"
#: Where a web server in between may have put the Authorization header.
CREDENTIALS: Final = ("authorization", "redirect-http-authorization", "x-http-authorization")
CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="1C exchange", charset="UTF-8"'}
REFUSALS: Final = {
    413: "Часть файла больше, чем принимает узел: проверьте file_limit",
    503: "Узел сейчас не может принять обмен",
}
_MAX_SHOWN = 200


def mode_of(request: RawRequest) -> str:
    """The step: checkauth, init, file, import, query, success …"""
    return request.query_fields.get("mode", "").strip().lower()


def verify(request: RawRequest, connection: Connection, now: datetime) -> None:
    """Check the password at the login, the session's cookie at every other step."""
    if mode_of(request) == "checkauth":
        _check_password(request, connection)
    elif not session_of(request, connection):
        raise SignatureError("сеанс обмена не начат: нет верной cookie")


def _check_password(request: RawRequest, connection: Connection) -> None:
    kind, _, encoded = _credentials(request).partition(" ")
    if kind.lower() != "basic":
        raise SignatureError("нет имени и пароля (Basic)")
    try:
        given = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError("имя и пароль не читаются (Basic)") from None
    name = str(connection.setting("username"))
    # Old platforms and proxies write Cyrillic in the encoding of their machine.
    wanted = [
        f"{name}:{secret}".encode(encoding, "ignore")
        for secret in connection.secrets.all("password")
        for encoding in ("utf-8", "cp1251")
    ]
    if not any([hmac.compare_digest(given, one) for one in wanted]):  # noqa: C419  # constant time
        raise SignatureError("неверное имя пользователя или пароль")


def _credentials(request: RawRequest) -> str:
    return next((value for name in CREDENTIALS if (value := request.header(name).strip())), "")


def answer(request: RawRequest, connection: Connection, lookup: Lookup) -> Reply | None:
    """A login without a password is asked for one: 1C sends it only then."""
    if mode_of(request) == "checkauth" and not _credentials(request):
        return refused(401, "нужны имя пользователя и пароль")
    return None


def refused(status: int, message: str) -> Reply:
    """`failure` and why, in the form that 1C shows to its user."""
    words = REFUSALS.get(status) or message[:_MAX_SHOWN]
    return Reply(status, f"failure\n{words}".encode(), headers=CHALLENGE if status == 401 else {})


def accepted(request: RawRequest, connection: Connection) -> Reply:
    """A piece of a file is stored."""
    return Reply(body=b"success")


def cookie_for(session_id: str, connection: Connection) -> str:
    """The cookie's value: the session and the proof that it is ours."""
    return f"{session_id}.{_proof(session_id, connection.secrets['password'], 'cookie')}"


def sessid_for(session_id: str, connection: Connection) -> str:
    """The token that Bitrix-minded clients repeat in the query."""
    return _proof(session_id, connection.secrets["password"], "sessid")[:32]


def session_of(request: RawRequest, connection: Connection) -> str:
    """The session of the request's cookie; empty when there is none, or it is forged."""
    for value in _cookies(request):
        session_id, _, proof = value.partition(".")
        proofs = [_proof(session_id, one, "cookie") for one in connection.secrets.all("password")]
        if session_id and any([same(proof, one) for one in proofs]):  # noqa: C419  # constant time
            return session_id
    return ""


def _cookies(request: RawRequest) -> Iterator[str]:
    try:
        jar = SimpleCookie(request.header("cookie"))
    except CookieError:
        return
    if COOKIE in jar:
        yield jar[COOKIE].value


def _proof(session_id: str, secret: str, purpose: str) -> str:
    signed = f"uzel commerceml {purpose} {session_id}".encode("utf-8", "surrogateescape")
    return encode(hmac_sha256(secret, signed), "hex")


def file_of(request: RawRequest) -> str:
    """The name of the file that the request is about."""
    return request.query_fields.get("filename", "").strip().replace("\\", "/")


def event_key(request: RawRequest, connection: Connection) -> str:
    """One piece of one file of one session: sent twice, it is the same event."""
    told = f"{session_of(request, connection)}\0{file_of(request)}\0"
    digest = hashlib.sha256(told.encode("utf-8", "surrogateescape"))
    digest.update(request.body)
    return digest.hexdigest()


def event_type(request: RawRequest, connection: Connection) -> str:
    """`file` for a piece of a file, else the step's name."""
    mode = mode_of(request)
    return UPLOAD_TYPE if mode == "file" else mode[:100]


def ordering_key(request: RawRequest, connection: Connection) -> str:
    """The file of the session: its pieces are put together in the order they came."""
    return upload_key(session_of(request, connection), file_of(request))


def parse(event: Event, connection: Connection) -> Iterable[SourceRecord]:
    """A piece carries no records of its own: a run reads the whole file at «import»."""
    if (event.type or event_type(event.request, connection)) != UPLOAD_TYPE:
        raise Ignored("это шаг обмена, а не часть файла")
    return ()
