"""What 1C and its web server say instead of an answer, told apart by who must act.

Follows the platform's own wording: the JSON with `#exception` of a locked base, the HTML of a
platform failure, the text of a missing licence, SOAP faults raised by 1C code.
"""

from __future__ import annotations

import html
import re
from typing import Any

from hub.sdk import payload
from hub.sdk.errors import (
    AuthError,
    ConfigError,
    HubError,
    PayloadError,
    Rejected,
    RetryLater,
)

MAX_WORDS = 500
#: Seconds to wait: maintenance lasts long, a licence or a lock is freed sooner.
LOCKED_PAUSE_SECONDS, LICENCE_PAUSE_SECONDS, BUSY_PAUSE_SECONDS = 900.0, 300.0, 60.0

NO_LICENCE = (
    "свободной лицензии",
    "не найдена лицензия",
    "лицензия не обнаружена",
    "free license",
    "license not found",
)
BASE_LOCKED = (
    "начало сеанса с информационной базой запрещено",
    "монопольн",
    "сеанс работы завершен администратором",
    "выполняется обновление",
    "session with the infobase is not allowed",
)
BUSY = (
    "конфликт блокировок",
    "время ожидания предоставления блокировки",
    "взаимоблокировк",
    "deadlock",
    "lock conflict",
)
_FRAME = re.compile(r"\(\d")
_PLACE = re.compile(r"^\{[^{}]*\}:?\s*")
#: Elements of a page whose text nobody reads.
_UNREAD = ("script", "style")
#: So much of a page is looked at: what it says, it says early.
MAX_PAGE_CHARACTERS = 100_000
MAX_LINE_CHARACTERS = 2_000


def plain_words(text: str) -> str:
    """1C's own words in one line: first line whole, code quotes and stack frames cut."""
    kept: list[str] = []
    for raw in payload.clean_text(text[:MAX_PAGE_CHARACTERS]).splitlines():
        line = raw.strip()[:MAX_LINE_CHARACTERS]
        if sum(map(len, kept)) > MAX_WORDS:
            break
        if not line or "<<?>>" in line or line.lower() in {"по причине:", "by reason:"}:
            continue
        if kept and (raw.startswith("\t") or _is_frame(line)):
            continue
        if kept:
            line = _PLACE.sub("", line)
        if line and line not in kept:
            kept.append(line)
    words = " — ".join(kept)
    return words if len(words) <= MAX_WORDS else words[:MAX_WORDS] + "…"


def _is_frame(line: str) -> bool:
    """Whether a line is one of a stack: `{Module(118)}:Code.Of(That);`."""
    place, mark, code = line.partition("}")
    code = code.removeprefix(":")
    return bool(mark and place.startswith("{") and code.endswith(";") and ":" not in code) and bool(
        _FRAME.search(place)
    )


def _transient(text: str) -> RetryLater | None:
    low = text.lower()
    if any(phrase in low for phrase in NO_LICENCE):
        return RetryLater(
            f"1С: не хватает клиентских лицензий ({plain_words(text)})", after=LICENCE_PAUSE_SECONDS
        )
    if any(phrase in low for phrase in BASE_LOCKED):
        return RetryLater(
            f"база 1С закрыта на обслуживание: {plain_words(text)}", after=LOCKED_PAUSE_SECONDS
        )
    if any(phrase in low for phrase in BUSY):
        return RetryLater(
            f"1С занята, блокировка данных: {plain_words(text)}", after=BUSY_PAUSE_SECONDS
        )
    return None


def fault(text: str) -> HubError:
    """The error for a SOAP fault's text: RetryLater when time heals it, else Rejected."""
    words = plain_words(text) or "причина не названа"
    return _transient(text) or Rejected(f"1С отказала: {words}", detail=text[:4000])


def exception_words(value: Any) -> str:
    """The deepest `descr` of 1C's JSON exception; its stack and data are never shown."""
    node = value.get("exception", value) if isinstance(value, dict) else None
    words = ""
    for _ in range(payload.MAX_DEPTH):
        if not isinstance(node, dict):
            break
        words = str(node.get("descr") or node.get("message") or "") or words
        node = node.get("inner")
    return words


def page_words(text: str) -> str:
    """The title and the beginning of an HTML page as text, in one pass over its tags."""
    title: list[str] = []
    said: list[str] = []
    inside = ""
    first, *pieces = text[:MAX_PAGE_CHARACTERS].split("<")
    said.append(first)
    for piece in pieces:
        tag, closed, words = piece.partition(">")
        name = tag.partition(" ")[0].strip().lower()
        if inside in _UNREAD:
            inside = "" if name == f"/{inside}" else inside
            if inside:
                continue
        elif not closed:  # no tag at all: a bare «less than»
            words = ""
        else:
            inside = name if name in (*_UNREAD, "title") else ""
            if inside in _UNREAD:
                continue
        (title if inside == "title" and not title else said).append(words)
    head = " ".join(html.unescape("".join(title)).split())
    body = " ".join(html.unescape(" ".join(said)).split())
    if not head or not body or body.startswith(head):
        return (body or head)[:300]
    return f"{head}: {body[:300]}"


def is_html(content_type: str, text: str) -> bool:
    """True for a web page, whatever its type says."""
    start = text.lstrip("\ufeff \r\n\t")[:200].lower()
    return "html" in content_type.lower() or start.startswith(("<!doctype html", "<html"))


def not_an_answer(content_type: str, text: str) -> HubError:
    """The error for a 200 whose body is not what was asked for."""
    if not text.strip():
        return RetryLater("подозрительный ответ 1С: код 200, а тело пустое")
    if is_html(content_type, text):
        if re.search(r"type\s*=\s*[\"']?password|<form\b", text, re.IGNORECASE):
            return ConfigError(
                "вместо веб-сервиса открылась страница входа: проверьте адрес и аутентификацию "
                f"на веб-сервере ({page_words(text)[:150]})"
            )
        return _transient(page_words(text)) or RetryLater(
            f"вместо ответа 1С пришла веб-страница: {page_words(text)}"
        )
    words = _words(content_type, text, text.encode("utf-8", "replace"))
    return _transient(words or text) or RetryLater(
        f"подозрительный ответ 1С: тип «{content_type or 'не указан'}», это не XML: {words[:200]}"
    )


def refusal(
    status: int,
    content_type: str,
    body: bytes,
    *,
    address: str,
    username: str = "",
    location: str = "",
    after: float | None = None,
) -> HubError:
    """The error for a status that is not 200 and a body that is not a SOAP fault."""
    text = payload.decode_text(body)
    words = _words(content_type, text, body)
    soon = _transient(words or text)
    if soon is not None and status != 401:
        soon.after = after or soon.after
        return soon
    if status == 401:
        return AuthError(
            f"1С не пустила пользователя «{username}» (401): проверьте имя, пароль и права "
            "на веб-сервисы; IIS может требовать свою аутентификацию"
        )
    if status == 403:
        if "#exception" in text:
            return RetryLater(
                f"1С не начала сеанс (403): {words}", after=after or LOCKED_PAUSE_SECONDS
            )
        return AuthError(f"1С запретила доступ (403) пользователю «{username}»: {words}")
    if status in {404, 410}:
        return ConfigError(
            f"по адресу {address} ничего не опубликовано ({status}): проверьте имя публикации "
            f"и сервиса. {words}".rstrip()
        )
    if 300 <= status < 400:
        return ConfigError(f"{address} перенаправляет на {location or 'другой адрес'}: укажите его")
    if status in {405, 411, 413, 415, 501}:
        return ConfigError(f"веб-сервер не принял запрос ({status}) на {address}: {words}")
    if status in {201, 202, 204}:
        return RetryLater(f"подозрительный ответ 1С: код {status} без ответа сервиса")
    if status in {406, 408, 409, 425, 429} or status >= 500:
        return RetryLater(f"1С не ответила ({status}): {words or 'без объяснения'}", after=after)
    return Rejected(f"1С не приняла запрос ({status}): {words or 'без объяснения'}")


def _words(content_type: str, text: str, body: bytes) -> str:
    if "#exception" in text or '"exception"' in text:
        try:
            return plain_words(exception_words(payload.load_json(body)))
        except PayloadError:
            return plain_words(text)[:200]
    if is_html(content_type, text):
        return page_words(text)
    return plain_words(text)[:300]
