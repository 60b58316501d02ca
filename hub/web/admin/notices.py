"""Where notices of incidents go: mail, Telegram, webhooks; when, how often, a test."""

from __future__ import annotations

import secrets as randomness
from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.sdk.errors import HubError, Rejected
from hub.sending import mail, notices
from hub.store import audit, notice_channels
from hub.store.lists.paging import MAX_ID
from hub.web import menu
from hub.web.admin.base import blueprint, found
from hub.web.context import actor, the_store
from hub.web.error_texts import in_words

MAX_RECIPIENTS = 20
SECRETS = {"mail": "", "telegram": "token", "webhook": "secret"}
#: What a webhook's secret begins with, as Standard Webhooks asks.
PREFIX = "whsec_"

menu.add("admin", 190, "admin.notices", _l("Notices"), "bell", ("admin.notice_channel",))


@blueprint.get("/notices", endpoint="notices")
def list_channels() -> str:
    """Every channel, and how to add one."""
    store = the_store()
    return render_template(
        "admin/notices.html",
        channels=notice_channels.everyone(store.database),
        has_mail=_has_mail(),
        kinds=notice_channels.KINDS,
    )


@blueprint.get("/notices/<kind>/<int:channel_id>", endpoint="notice_channel")
def channel_form(kind: str, channel_id: int) -> str:
    """The form of a channel; id 0 is a new one."""
    if kind not in notice_channels.KINDS:
        abort(404)
    row: Any = None
    if channel_id:
        with the_store().database.read() as db:
            row = found(notice_channels.get(db, channel_id) if channel_id <= MAX_ID else None)
        kind = row.kind
    return render_template(
        "admin/notice_channel.html", channel=row, kind=kind, has_mail=_has_mail()
    )


@blueprint.post("/notices/<kind>/<int:channel_id>")
def save_channel(kind: str, channel_id: int) -> Response:
    """Add or change a channel."""
    if kind not in notice_channels.KINDS:
        abort(404)
    settings, secrets = _given(kind, is_new=not channel_id)
    values = {
        "title": _text("title") or str(kind),
        "kind": kind,
        "is_active": request.form.get("is_active") == "1",
        "settings": settings,
        "severity": "critical" if request.form.get("severity") == "critical" else "warning",
        "quiet_from": _clock("quiet_from"),
        "quiet_until": _clock("quiet_until"),
        "interval_minutes": _minutes(),
    }
    store = the_store()
    with store.database.write() as db:
        former = notice_channels.get(db, channel_id) if channel_id else None
        if channel_id and (former is None or former.kind != kind):
            abort(404)
        saved = notice_channels.save(db, store.vault, channel_id, values, secrets)
        action = "change notice channel" if channel_id else "add notice channel"
        audit.record(db, actor(), action, "notice channel", saved, {"title": values["title"]})
    flash(_("Saved. Send a test to see that it arrives."), "success")
    if kind == "webhook" and not channel_id:
        secret = secrets["secret"]
        flash(_("The secret for the receiver, shown once: %(secret)s", secret=secret), "warning")
    return redirect(url_for("admin.notices"))


@blueprint.post("/notices/<int:channel_id>/test")
def test_channel(channel_id: int) -> Response:
    """Send a test message now, and say what came of it."""
    found(channel_id if channel_id <= MAX_ID else None)
    try:
        notices.try_channel(the_store(), channel_id)
    except HubError as error:
        said = in_words(error.message)
        flash(_("The test did not arrive: %(reason)s", reason=said), "danger")
    else:
        flash(_("The test was taken. Look whether it arrived."), "success")
    return redirect(url_for("admin.notices"))


@blueprint.post("/notices/<int:channel_id>/remove")
def remove_channel(channel_id: int) -> Response:
    """Remove a channel."""
    found(channel_id if channel_id <= MAX_ID else None)
    with the_store().database.write() as db:
        if not notice_channels.remove(db, channel_id):
            abort(404)
        audit.record(db, actor(), "remove notice channel", "notice channel", channel_id)
    flash(_("The channel is removed."), "success")
    return redirect(url_for("admin.notices"))


def _given(kind: str, *, is_new: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings and secrets of this kind from the form. Rejected says what is missing."""
    name = SECRETS[kind]
    secrets = {name: _text(name)} if name and _text(name) else {}
    if kind == "mail":
        to = _text("to", 2000).replace(";", ",").replace("\n", ",").split(",")
        addresses = [one.strip() for one in to if one.strip()]
        if not addresses or len(addresses) > MAX_RECIPIENTS or not all("@" in a for a in addresses):
            raise Rejected("give 1 to 20 e-mail addresses, separated by commas")
        return {"to": addresses}, secrets
    if kind == "telegram":
        if not _text("chat_id") or (is_new and not secrets):
            raise Rejected("give the bot's token and the chat's id")
        return {"chat_id": _text("chat_id")}, secrets
    url = _text("url", 2000)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Rejected("give the receiver's address: https://…")
    if secrets and not secrets["secret"].startswith(PREFIX):
        raise Rejected("a secret begins with whsec_; leave the field empty to have one made")
    if is_new and not secrets:
        secrets = {"secret": PREFIX + b64encode(randomness.token_bytes(24)).decode()}
    return {"url": url}, secrets


def _has_mail() -> bool:
    try:
        return mail.server_of(the_store().settings) is not None
    except HubError:
        return False


def _text(name: str, most: int = 300) -> str:
    return request.form.get(name, "").replace("\0", "").strip()[:most]


def _clock(name: str) -> str:
    text = _text(name)[:5]
    return text if notice_channels.clock(text) is not None else ""


def _minutes() -> int:
    text = _text("interval_minutes")
    return min(int(text), 1440) if text.isdecimal() and len(text) < 5 else 5
