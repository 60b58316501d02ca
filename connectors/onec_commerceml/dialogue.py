"""1C's exchange with a site, step by step, as УТ, УНФ and Bitrix-minded 1C speak it.

`?type=catalog|sale|reference&mode=…`; replies are read line by line and untrimmed, so not a byte
more than the client expects. Facts: the reference's chapter on CommerceML.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from connectors._protocols.commerceml_file import ZIP_START, is_whole, starts_file
from connectors._protocols.commerceml_sale import Sale, document, package
from connectors.onec_commerceml.webhook import (
    COOKIE,
    cookie_for,
    file_of,
    mode_of,
    refused,
    sessid_for,
    session_of,
)
from hub.sdk.connection import Connection
from hub.sdk.dialogue import Desk, Session, Upload
from hub.sdk.errors import HubError, SignatureError
from hub.sdk.request import RawRequest, Reply
from hub.sdk.signatures import same

SUCCESS: Final = b"success"
#: Files that are read; pictures and other attachments are taken and not kept.
KEPT: Final = (".xml", ".zip")
MAX_NAME: Final = 150
#: Beginnings of names that carry stock; other files are of the catalogue.
OF_STOCK: Final = re.compile(r"(?:offers|rests|remainders|stocks?|остатки|предложения)", re.I)
_BAD_NAME = re.compile(r"[\x00-\x1f:*?\"<>|]")
Step = Callable[[RawRequest, Connection, Desk, Session], Reply | None]


def converse(request: RawRequest, connection: Connection, desk: Desk) -> Reply | None:
    """Answer one step; None for a piece of a file of the catalogue, which becomes an event."""
    mode = mode_of(request)
    if mode == "checkauth":
        return _login(request, connection, desk)
    step = STEPS.get(mode)
    if step is None:
        return _failure(f"узел не знает шага mode={mode[:40] or '(пусто)'}")
    session = desk.session(session_of(request, connection))
    if session is None:
        return _failure("сеанс обмена закончился: начните обмен заново")
    sessid = request.query_fields.get("sessid")
    if sessid and not same(sessid, sessid_for(session.id, connection)):
        return _failure("sessid не от этого сеанса: начните обмен заново")
    return step(request, connection, desk, session)


def _login(request: RawRequest, connection: Connection, desk: Desk) -> Reply:
    if desk.is_locked:
        raise SignatureError("слишком много неверных паролей с этого адреса: подождите 5 минут")
    session = None
    if request.query_fields.get("type", "").lower() == "sale":
        # A client that logs in twice confirms in the second what it was handed in the first.
        session = desk.session(session_of(request, connection))
    session = session or desk.open_session()
    value = cookie_for(session.id, connection)
    lines = ("success", COOKIE, value, f"sessid={sessid_for(session.id, connection)}")
    cookie = {"Set-Cookie": f"{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax"}
    return Reply(body="\n".join(lines).encode(), headers=cookie)


def _init(request: RawRequest, connection: Connection, desk: Desk, session: Session) -> Reply:
    most = max(1024, min(int(connection.setting("file_limit")), 32 * 1024 * 1024))
    zipped = "yes" if connection.settings.get("zip") else "no"
    return Reply(body=f"zip={zipped}\nfile_limit={most}".encode())


def _file(
    request: RawRequest, connection: Connection, desk: Desk, session: Session
) -> Reply | None:
    name = file_of(request)
    if why := _trouble_with(name):
        return _failure(why)
    if not name.lower().endswith(KEPT):
        return Reply(body=SUCCESS)
    if not request.body:
        return _failure(f"пустая часть файла «{name}»")
    if _kind(request) != "sale":
        return None
    # Orders come without a further word from some clients: read when the last piece is here.
    desk.keep()
    if is_whole(request.body):
        upload = desk.uploaded(session.id, name, starts_file)
        if upload is not None:
            desk.start_run("orders", upload)
    return Reply(body=SUCCESS)


def _import(request: RawRequest, connection: Connection, desk: Desk, session: Session) -> Reply:
    if desk.is_paused:
        return _failure("подключение приостановлено администратором узла")
    name = file_of(request)
    found = _find(name, desk, session)
    if found is None:
        return _failure(f"файл «{name}» в этом сеансе не загружен")
    upload, inner = found
    run_id = desk.start_run(_stream(_kind(request), name), upload, inner)
    state = desk.run_state(run_id, float(connection.setting("progress_seconds")))
    if state.is_open:
        return Reply(body=b"progress")
    return _failure(state.message) if state.status == "failed" else Reply(body=SUCCESS)


def _find(name: str, desk: Desk, session: Session) -> tuple[Upload, str] | None:
    """The upload that is meant: the file of this name, else the archive that has it inside."""
    if name and (found := desk.uploaded(session.id, name, starts_file)):
        return found, ""
    for archive in reversed([one for one in desk.names(session.id) if not name or _is_zip(one)]):
        found = desk.uploaded(session.id, archive, starts_file)
        if found and (not name or found.head.startswith(ZIP_START)):
            return found, name
    return None


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _query(request: RawRequest, connection: Connection, desk: Desk, session: Session) -> Reply:
    if desk.is_paused:
        return _failure("подключение приостановлено администратором узла")
    sale = sale_of(connection)
    if _kind(request) != "sale":
        return _xml(package((), sale, desk.now), sale)
    documents = []
    for change in desk.hand_out(session.id, "order", int(connection.setting("orders_limit"))):
        try:
            documents.append(document(change, sale))
        except HubError as error:
            desk.refuse(change, error)
    return _xml(package(documents, sale, desk.now), sale)


def _success(request: RawRequest, connection: Connection, desk: Desk, session: Session) -> Reply:
    if _kind(request) == "sale":
        desk.confirm(session.id)
    return Reply(body=SUCCESS)


def _info(request: RawRequest, connection: Connection, desk: Desk, session: Session) -> Reply:
    sale = sale_of(connection)
    return _xml(package((), sale, desk.now), sale)


def _nothing(request: RawRequest, connection: Connection, desk: Desk, session: Session) -> Reply:
    """What is not named in a file stays: neither of these steps removes anything."""
    return Reply(body=SUCCESS)


STEPS: Final[dict[str, Step]] = {
    "init": _init,
    "file": _file,
    "import": _import,
    "query": _query,
    "success": _success,
    "info": _info,
    "complete": _nothing,
    "deactivate": _nothing,
}


def sale_of(connection: Connection) -> Sale:
    """How this connection's orders are written."""
    return Sale(
        timezone=connection.timezone,
        number_prefix=str(connection.settings.get("number_prefix") or ""),
        currency=str(connection.setting("currency")),
        customer=str(connection.setting("customer")),
        refuse_unknown=connection.settings.get("unknown_goods") == "refuse",
        encoding=str(connection.setting("encoding")),
    )


def _kind(request: RawRequest) -> str:
    return request.query_fields.get("type", "").strip().lower()


def _stream(kind: str, name: str) -> str:
    if kind == "sale":
        return "orders"
    return "offers" if OF_STOCK.match(name.rpartition("/")[2]) else "catalog"


def _trouble_with(name: str) -> str:
    """Why a file of this name is not taken; empty when it is."""
    if not name:
        return "не назван файл (filename)"
    parts = name.split("/")
    if len(name) > MAX_NAME or name.startswith("/") or ".." in parts or _BAD_NAME.search(name):
        return f"имя файла не принимается: «{name[:60]}»"
    return ""


def _failure(words: str) -> Reply:
    return refused(200, words)


def _xml(body: bytes, sale: Sale) -> Reply:
    return Reply(body=body, content_type=f"text/xml; charset={sale.encoding}")
