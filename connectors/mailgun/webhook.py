"""Inbound mail that a Mailgun route posts, as parsed fields or as raw MIME.

Follows documentation.mailgun.com «Receive HTTP» and «Securing webhooks»: the signature is the hex
HMAC-SHA256 of timestamp + token. It does not cover the body, so the token is the event's key: one
token brings one mail, however often it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from connectors._protocols.mail import (
    Headers,
    build_mail,
    message_record,
    read_headers,
    read_mail,
    short_id,
    thread_hint,
)
from connectors._protocols.mail_parts import MAX_ATTACHMENTS, Content
from connectors._protocols.mail_text import html_to_text, strip_quotes
from hub.sdk import signatures
from hub.sdk.connection import Connection
from hub.sdk.errors import Ignored, PayloadError, SignatureError
from hub.sdk.payload import load_form, load_json
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest, Reply

#: Form fields that stand in for a mail's header when `message-headers` lacks it.
FIELD_FOR_HEADER = {"From": ("from", "sender"), "To": ("recipient",), "Subject": ("subject",)}
MIME_FIELD = "body-mime"


def verify(request: RawRequest, connection: Connection, now: datetime) -> None:
    """Check the signature of the form (or of a tracking event's JSON), any valid key.

    `max_age_hours` of 0 leaves the age unchecked: Mailgun repeats for 8 hours, and whether a repeat
    is signed anew is not documented.
    """
    try:
        stamp, token, signature = _signed(request)
    except PayloadError as error:
        raise SignatureError(f"no signature can be read: {error.message}") from error
    if not stamp or not token:
        raise SignatureError("timestamp or token is missing")
    expected = [
        signatures.hmac_sha256(key, f"{stamp}{token}".encode("utf-8", "replace")).hex()
        for key in connection.secrets.all("signing_key")
    ]
    signatures.require_any([signature.lower()], expected)
    if hours := int(connection.settings.get("max_age_hours") or 0):
        signatures.require_fresh(stamp, now, hours * 3600)


def accepted(request: RawRequest, connection: Connection) -> Reply:
    """200 ends the delivery; 406 would end it too, anything else is sent again."""
    return Reply(200, b"ok")


def event_key(request: RawRequest, connection: Connection) -> str:
    """The token, made anew for every delivery."""
    try:
        return short_id(_signed(request)[1])
    except PayloadError:
        return ""


def event_type(request: RawRequest, connection: Connection) -> str:
    """`inbound` for a mail, `tracking` for Mailgun's JSON about mails sent; empty for rubbish."""
    try:
        if _is_json(request):
            return "tracking" if _tracking(request) else ""
        return "inbound" if request.form else ""
    except PayloadError:
        return ""


def ordering_key(request: RawRequest, connection: Connection) -> str:
    """The conversation: its first reference, or the mail's own id."""
    try:
        if _is_json(request):
            return ""
        raw = _mime(request)
        return thread_hint(_headers(request) if raw is None else read_headers(raw))
    except Exception:
        # The order is a hint; odd headers must not cost the event its place in the inbox.
        return ""


def parse(event: Event, connection: Connection) -> Iterable[SourceRecord]:
    """One message record. Ignored for tracking events, PayloadError when there is no mail."""
    request = event.request
    if _is_json(request):
        kind = _tracking(request).get("event")
        raise Ignored(
            f"a tracking event («{kind}») of a mail sent by Mailgun, not an inbound mail: the "
            "address was set under Webhooks, it belongs under Receiving, in a route's forward()"
        )
    raw = _mime(request)
    if raw is not None:
        mail = read_mail(raw, event.received_at)
    else:
        mail = _from_fields(request, event.received_at)
    mail["recipient"] = request.form.get("recipient")
    return [message_record(mail)]


def _signed(request: RawRequest) -> tuple[str, str, str]:
    """(timestamp, token, signature); of a repeated field the last one is Mailgun's own."""
    source: Mapping[str, Any]
    if _is_json(request):
        body = request.json
        found = body.get("signature") if isinstance(body, dict) else None
        source = found if isinstance(found, dict) else {}
    else:
        source = request.form
    return (
        str(source.get("timestamp") or ""),
        str(source.get("token") or ""),
        str(source.get("signature") or ""),
    )


def _is_json(request: RawRequest) -> bool:
    return request.content_type == "application/json"


def _tracking(request: RawRequest) -> Mapping[str, Any]:
    body = request.json
    data = body.get("event-data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise PayloadError("the JSON holds no «event-data»")
    return data


def _mime(request: RawRequest) -> bytes | None:
    """The exact bytes of `body-mime`, None when the route posts parsed fields."""
    for upload in request.form.files:
        if upload.field == MIME_FIELD:
            return upload.body
    if MIME_FIELD not in request.form:
        return None
    # Read once more as Latin-1, one character a byte: a mail has charsets of its own inside.
    media = request.header("content-type") or "application/x-www-form-urlencoded"
    again = load_form(request.body, f"{media}; charset=latin-1")
    # A name written in another charset (with a byte order mark, say) is found only as it was read.
    text = again.get(MIME_FIELD, request.form[MIME_FIELD])
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        # A content type too odd to take the added charset.
        return text.encode("utf-8", "replace")


def _headers(request: RawRequest) -> Headers:
    """The mail's headers from the JSON list, then the form's own fields for what it lacks."""
    pairs: list[tuple[str, str]] = []
    try:
        listed = load_json(request.form.get("message-headers", "[]").encode("utf-8", "replace"))
    except PayloadError:
        listed = []
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, list) and len(item) == 2 and all(isinstance(one, str) for one in item):
            pairs.append((item[0], item[1]))
    names = {name.lower() for name, _ in pairs}
    # Mailgun adds every header as a field too, under the header's own name.
    fields = [(name, value) for name, value in request.form.pairs if name[:1].isupper()]
    pairs += [(name, value) for name, value in reversed(fields) if name.lower() not in names]
    names |= {name.lower() for name, _ in pairs}
    for header, sources in FIELD_FOR_HEADER.items():
        value = next((request.form[one] for one in sources if request.form.get(one)), "")
        if header.lower() not in names and value:
            pairs.append((header, value))
    return Headers(tuple(pairs))


def _from_fields(request: RawRequest, received_at: datetime) -> dict[str, Any]:
    form = request.form
    html, plain = form.get("body-html", ""), form.get("body-plain", "")
    if not any(form.get(name) for name in ("from", "sender", "From", "subject", "message-headers")):
        raise PayloadError("the form has neither «body-mime» nor a sender nor a subject")
    text = plain.replace("\r\n", "\n").strip() or html_to_text(html)
    content = Content(text=text, html_present=bool(html), attachments=_attachments(request))
    try:
        mail = build_mail(_headers(request), content, received_at)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"the mail's fields cannot be read: {error}") from error
    # Mailgun cuts English quotes well; ours knows the Russian ones, so its text goes through both.
    if given := form.get("stripped-text", "").replace("\r\n", "\n").strip():
        mail["stripped_text"] = strip_quotes(given)
    return mail


def _attachments(request: RawRequest) -> list[dict[str, Any]]:
    """Files of the form, or the list of stored ones that a `store()` route sends."""
    found = [
        {"name": one.filename[:255], "content_type": one.content_type, "size_bytes": len(one.body)}
        for one in request.form.files
    ]
    try:
        stored = load_json(request.form.get("attachments", "[]").encode("utf-8", "replace"))
    except PayloadError:
        stored = []
    for item in stored if isinstance(stored, list) else []:
        if isinstance(item, dict):
            size = item.get("size")
            found.append(
                {
                    "name": str(item.get("name") or "unnamed")[:255],
                    "content_type": str(item.get("content-type") or "")[:100],
                    "size_bytes": size if isinstance(size, int) else 0,
                }
            )
    return found[:MAX_ATTACHMENTS]
