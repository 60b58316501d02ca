"""What the environment and hub.yml say, what each key means, and whether all is well."""

from __future__ import annotations

import platform
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub import __version__
from hub.sdk.errors import HubError
from hub.sending import mail
from hub.store import audit, users
from hub.web import keys, menu
from hub.web.account import mailing
from hub.web.admin.base import blueprint
from hub.web.context import actor, the_store, the_user
from hub.web.error_texts import in_words
from hub.web.self_check import backups, examine

menu.add("admin", 340, "admin.settings", _l("Settings"), "settings")


@blueprint.get("/settings")
def settings() -> str:
    """Every setting with its source; versions, mail, backups."""
    return _page()


def _page(**context: Any) -> str:
    store = the_store()
    user = the_user()
    return render_template(
        "admin/settings.html",
        environment=keys.environment(store.settings),
        sections=keys.sections(store.settings),
        home_file=store.settings.home / "hub.yml",
        versions={
            _("Uzel"): __version__,
            "Python": platform.python_version(),
            _("Store"): "SQLite" if store.database.is_sqlite else "PostgreSQL",
        },
        backups=backups(store.settings),
        has_mail=mailing.has_server(store),
        my_email=user.row.email if user else "",
        **context,
    )


@blueprint.post("/settings/check")
def check() -> str:
    """`hub doctor`, run here."""
    return _page(findings=examine(the_store().settings))


@blueprint.post("/settings/mail")
def test_mail() -> Response:
    """Send a letter to try the mail."""
    store = the_store()
    try:
        address = users.check_email(request.form.get("address", ""))
        letter = mail.Letter(
            address,
            _("A letter to try the mail of Uzel"),
            _("If you read this, Uzel can send letters."),
        )
        mail.send(mail.required_server(store.settings), letter, tries=1)
    except HubError as error:
        flash(in_words(error.message), "danger")
        return redirect(url_for("admin.settings") + "#mail")
    with store.database.write() as db:
        audit.record(db, actor(), "test mail", "mail", address)
    flash(_("The letter to %(address)s was taken by the server.", address=address), "success")
    return redirect(url_for("admin.settings") + "#mail")
