"""A connection changed by its admin: settings, secrets, former shapes, removal, its file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Row
from werkzeug.wrappers import Response

from hub.flow import configure, connection_text
from hub.registry import manifests
from hub.sdk.errors import ConfigError, Rejected
from hub.store import audit, rotation
from hub.store.connections import ChangedError, find_row
from hub.store.database import utc_now
from hub.store.lists import diffs
from hub.store.revisions import get_revision, list_revisions
from hub.web.admin.base import blueprint, reason, require_admin
from hub.web.admin.connect import form_page, read_document, stored_parts
from hub.web.context import actor, company_zone, the_store


def stored_row(name: str) -> Row[Any]:
    """The stored connection, usable or not, else 404."""
    with the_store().database.read() as db:
        row = find_row(db, name)
    if row is None or row.connector not in manifests():
        abort(404)
    return row


@blueprint.get("/connections/<name>/settings")
def edit_connection(name: str) -> str:
    """The form of a known connection."""
    require_admin()
    row = stored_row(name)
    document, kept = stored_parts(name)
    return form_page(
        manifests()[row.connector],
        document,
        name=name,
        existing=name,
        revision=row.revision,
        kept=kept,
    )


@blueprint.post("/connections/<name>/settings")
def save_connection(name: str) -> str | Response:
    """Save the form as a new revision; a conflict shows the form again, nothing of it lost."""
    row = stored_row(name)
    manifest = manifests()[row.connector]
    before, kept = stored_parts(name)
    _name, document, troubles = read_document(manifest, name, before, kept)
    revision = _number("revision")
    conflict = ""
    if not troubles:
        try:
            note = request.form.get("note", "").strip()[:1000]
            configure.save(the_store(), name, document, revision=revision, actor=actor(), note=note)
            flash(_("Saved. The change is live within two seconds."), "success")
            return redirect(url_for("admin.connection", name=name))
        except ChangedError:
            row = stored_row(name)
            conflict = who_changed(row)
        except ConfigError as error:
            troubles = [configure.told(error)]
    return form_page(
        manifest,
        document,
        name=name,
        existing=name,
        revision=row.revision if conflict else revision,
        troubles=troubles,
        kept=kept,
        conflict=conflict,
    )


def who_changed(row: Row[Any]) -> str:
    """Who saved the present revision, for a conflict."""
    with the_store().database.read() as db:
        found = get_revision(db, row.id, row.revision)
    author = found.author if found else ""
    return str(
        _("While you were editing, %(who)s saved revision %(number)s.", who=author or "?",
          number=row.revision)
    )  # fmt: skip


def _number(name: str) -> int:
    text = request.form.get(name, "")
    if not (text.isdigit() and len(text) < 10):
        abort(400)
    return int(text)


@blueprint.get("/connections/<name>/secrets")
def secrets(name: str) -> str:
    """Which values of each secret are valid, who added them and until when; never a value."""
    row = stored_row(name)
    manifest = manifests()[row.connector]
    values = rotation.values_of(the_store().vault, row.secrets)
    return render_template(
        "admin/connection_secrets.html",
        row=row,
        name=name,
        declared=[setting for setting in manifest.settings if setting.secret],
        values=values,
        checks_all="webhook" in manifest.directions,
        calls_out=manifest.calls_out,
    )


@blueprint.post("/connections/<name>/secrets/<secret>")
def add_secret(name: str, secret: str) -> Response:
    """Add a new value; the old ones end now, after some hours, or stay."""
    row = _changing(name, secret)
    value = request.form.get("value", "").replace("\0", "").strip()
    if not value or value.startswith(("env:", "file:")):
        raise Rejected("type the new value itself")
    hours = request.form.get("hours", "")
    end = None if hours == "keep" else utc_now() + timedelta(hours=int(hours or 0))
    store = the_store()
    with store.database.write() as db:
        rotation.add_value(
            db, store.vault, _same(db, row), secret, value, author=actor(), former_end_at=end
        )
        details = {"secret": secret, "former": hours}
        audit.record(db, actor(), "added secret", "connection", name, details)
    store.catalog.forget()
    flash(_("The new value is valid now."), "success")
    return redirect(url_for("admin.secrets", name=name))


@blueprint.post("/connections/<name>/secrets/<secret>/end")
def end_secret(name: str, secret: str) -> Response:
    """End an old value now or at a moment."""
    row = _changing(name, secret)
    number, at = _number("number"), _moment(request.form.get("at", ""))
    store = the_store()
    with store.database.write() as db:
        rotation.end_value(db, store.vault, _same(db, row), secret, number, author=actor(), at=at)
        details = {"secret": secret, "at": at.isoformat()}
        audit.record(db, actor(), "ended secret", "connection", name, details)
    store.catalog.forget()
    flash(_("Noted: the old value stops being valid."), "success")
    return redirect(url_for("admin.secrets", name=name))


def _changing(name: str, secret: str) -> Row[Any]:
    row = stored_row(name)
    manifest = manifests()[row.connector]
    if not any(one.secret and one.name == secret for one in manifest.settings):
        abort(404)
    return row


def _same(db: Any, row: Row[Any]) -> Row[Any]:
    """The row within the transaction, if it is still the revision the page showed."""
    now = find_row(db, row.name)
    if now is None or now.revision != _number("revision"):
        raise Rejected("the connection was changed meanwhile: open the page anew")
    return now


def _moment(text: str) -> datetime:
    if not text:
        return utc_now()
    try:
        return datetime.fromisoformat(text).replace(tzinfo=company_zone())
    except ValueError:
        raise Rejected("choose a day and a time") from None


@blueprint.get("/connections/<name>/revisions")
def revisions(name: str) -> str:
    """Every shape the connection had, each with what it changed."""
    row = stored_row(name)
    with the_store().database.read() as db:
        found = list_revisions(db, row.id)
    shown = []
    for place, one in enumerate(found):
        older = found[place + 1].document if place + 1 < len(found) else None
        changes = diffs.between(older, one.document) if older is not None else []
        shown.append({"revision": one, "changes": changes, "is_first": older is None})
    now = next((one for one in found if one.number == row.revision), None)
    return render_template(
        "admin/connection_revisions.html", row=row, name=name, shown=shown, now=now
    )


@blueprint.post("/connections/<name>/revisions/<int:number>/restore")
def restore(name: str, number: int) -> Response:
    """Make an older shape the present one, as a new revision; secrets stay as they are."""
    row = stored_row(name)
    why = reason()
    with the_store().database.read() as db:
        older = get_revision(db, row.id, min(number, 2**31))
    if older is None:
        abort(404)
    note = f"restore {number}: {why}"
    document: Mapping[str, Any] = older.document
    try:
        configure.save(
            the_store(), name, document, revision=_number("revision"), actor=actor(), note=note
        )
    except ChangedError:
        raise Rejected("the connection was changed meanwhile: open the page anew") from None
    flash(_("Revision %(number)s is in force again.", number=number), "success")
    return redirect(url_for("admin.revisions", name=name))


@blueprint.get("/connections/<name>/connection.yml")
def export_connection(name: str) -> FlaskResponse:
    """The connection as a file; of the secrets only references."""
    stored_row(name)
    answer = make_response(connection_text.export(the_store(), name))
    answer.headers["Content-Type"] = "application/yaml; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.yml"'
    return answer


@blueprint.post("/connections/<name>/remove")
def remove(name: str) -> Response:
    """Remove a connection that nothing came through."""
    stored_row(name)
    reason()
    configure.remove_unused(the_store(), name, actor())
    flash(_("The connection is removed."), "success")
    return redirect(url_for("admin.connections"))
