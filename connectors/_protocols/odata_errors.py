"""What 1C's OData says instead of an answer, told apart by who must act; JSON and Atom alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors._protocols import onec_replies
from hub.sdk import payload
from hub.sdk.errors import AuthError, ConfigError, HubError, PayloadError, Rejected, RetryLater

#: 1C's own numbers of the errors a client must tell apart.
NO_SUCH_NAME, NO_SUCH_OBJECT, BAD_FILTER = "6", "9", "14"
_ATOM_CODE = re.compile(r"<(?:\w+:)?code[^>]*>([^<]*)<")
_ATOM_WORDS = re.compile(r"<(?:\w+:)?message[^>]*>([^<]*)<")
_NO_MEMORY = ("недостаточно памяти", "not enough memory")


class NoSuchName(ConfigError):
    """1C publishes no such object or field through OData."""


class NoSuchObject(Rejected):
    """1C has no object with this key."""


class BadFilter(Rejected):
    """1C does not understand the filter."""


class TooMuch(RetryLater):
    """1C has not the memory for so many rows at once; fewer may pass."""


def refusal(
    status: int,
    content_type: str,
    body: bytes,
    *,
    url: str,
    username: str,
    location: str = "",
    after: float | None = None,
) -> HubError:
    """The error for a reply that is not 2xx. `url` is shown without its query."""
    said = error_in(content_type, body)
    address = url.partition("?")[0]
    if said is None:
        if status == 401:
            return AuthError(
                f"1С не пустила пользователя «{username}» (401): проверьте имя, пароль и право "
                "на OData; IIS может требовать свою аутентификацию"
            )
        return onec_replies.refusal(
            status,
            content_type,
            body,
            address=address,
            username=username,
            location=location,
            after=after,
        )
    code, text = said
    words = onec_replies.plain_words(text) or "причина не названа"
    if any(phrase in text.lower() for phrase in _NO_MEMORY):
        return TooMuch(f"1С не хватает памяти на такой ответ: {words}")
    if status == 401:
        return ConfigError(
            f"1С закрыла часть строк от «{username}» (401): {words}. Дайте пользователю права на "
            "все строки или включите allowed_only"
        )
    if status == 403:
        return AuthError(f"1С запретила это пользователю «{username}» (403): {words}")
    if code == NO_SUCH_OBJECT:
        return NoSuchObject(f"в 1С нет такого объекта: {words}")
    if code == NO_SUCH_NAME or status == 404:
        return NoSuchName(f"1С не публикует это в OData: {words}")
    if code == BAD_FILTER:
        return BadFilter(f"1С не приняла отбор: {words}")
    return onec_replies.fault(text)


def error_in(content_type: str, body: bytes) -> tuple[str, str] | None:
    """(code, words) of an OData error, JSON or Atom; None when the body holds none."""
    text = payload.decode_text(body[:1_000_000])
    if "odata.error" in text:
        try:
            return _from_json(payload.load_json(body))
        except PayloadError:
            return "", onec_replies.plain_words(text)[:300]
    if "<" in text[:200] and re.search(r"<(?:\w+:)?error[ >]", text[:2000]):
        code, words = _ATOM_CODE.search(text), _ATOM_WORDS.search(text)
        return (code.group(1).strip() if code else ""), (words.group(1).strip() if words else "")
    return None


def _from_json(value: Any) -> tuple[str, str]:
    node = value.get("odata.error") if isinstance(value, Mapping) else None
    if not isinstance(node, Mapping):
        return "", ""
    message = node.get("message")
    words = message.get("value") if isinstance(message, Mapping) else message
    inner = node.get("innererror")
    if isinstance(inner, Mapping) and inner.get("message"):
        words = f"{words or ''}\n{inner['message']}"
    return str(node.get("code") or ""), str(words or "")


def cut(detail: str = "") -> RetryLater:
    """The error for a reply that ends before its end."""
    return RetryLater("ответ 1С оборван: соединение закрыто раньше конца", detail=detail)
