"""A client's fields by a person's hand: their word stands over every source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask import abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.crm import edit
from hub.store import users
from hub.store.lists import clients as reads
from hub.store.lists.paging import Row
from hub.store.lists.record_filters import e164
from hub.web import lists, seeing
from hub.web.context import actor, people, the_store, the_user
from hub.web.managers.base import blueprint
from hub.web.managers.client import visible
from hub.web.managers.clients import exact_hits

#: Fields of the form, with how long they may be.
TEXTS = {
    "name": 200,
    "company_name": 200,
    "position": 200,
    "inn": 12,
    "city": 200,
    "address": 1000,
    "comment": 20_000,
}
POINTS = ("phone", "email")
SHOWN = ("name", "phone", "email", *list(TEXTS)[1:], "manager")


@blueprint.get("/clients/new")
def new_client() -> str:
    """An empty form; `phone` and others may come with the address."""
    given = {name: lists.argument(name) for name in SHOWN}
    user = the_user()
    if user and user.role == users.MANAGER:
        given["manager"] = given["manager"] or user.row.email
    return _form(None, given, {})


@blueprint.post("/clients/new")
def create_client() -> Response | str:
    """Add the client, unless somebody has the phone or e-mail already: then show who."""
    given = {name: lists.field(name) for name in SHOWN}
    changes, errors = checked(given)
    if not errors and not any(changes.get(name) for name in ("name", *POINTS)):
        errors["name"] = _("Give a name, a phone or an e-mail.")
    known = [] if errors or lists.field("anyway") else _known(changes)
    if errors or known:
        return _form(None, given, errors, known)
    user = the_user()
    key = edit.create_record(
        the_store(), "contact", changes, actor(), user.row.id if user else None
    )
    flash(_("The client is added."), "success")
    return redirect(url_for("managers.client", record_id=key))


@blueprint.get("/clients/<int:record_id>/edit")
def client_form(record_id: int) -> str | Response:
    """The client's fields to change."""
    contact = visible(record_id)
    if contact["merged_into_id"]:
        return redirect(url_for("managers.client_form", record_id=contact["merged_into_id"]))
    return _form(contact, {name: contact[name] or "" for name in SHOWN}, {})


@blueprint.post("/clients/<int:record_id>/edit")
def change_client(record_id: int) -> Response | str:
    """Change what differs from the stored values; what was left alone keeps its origin."""
    contact = visible(record_id)
    given = {name: lists.field(name) for name in SHOWN}
    given |= {"more_phone": lists.field("more_phone"), "more_email": lists.field("more_email")}
    changes, errors = checked(given)
    if errors:
        return _form(contact, given, errors)
    changed: dict[str, Any] = {
        name: value for name, value in changes.items() if value != (contact.get(name) or None)
    }
    for name, kind in (("more_phone", "phone"), ("more_email", "email")):
        changed.pop(name, None)
        if changes.get(name):
            changed[f"{kind}s"] = [changes[name]]
            if not contact[kind] and not changed.get(kind):
                changed[kind] = changes[name]
    if changed:
        user = the_user()
        key = user.row.id if user else None
        edit.edit_record(the_store(), "contact", record_id, changed, actor(), key)
        flash(_("Saved. What a person writes stands over what sources say later."), "success")
    return redirect(url_for("managers.client", record_id=record_id))


@blueprint.post("/clients/<int:record_id>/manager")
def take_client(record_id: int) -> Response:
    """Take a client nobody has."""
    contact, user = visible(record_id), the_user()
    if user is None or contact["manager"]:
        abort(403)
    edit.edit_record(the_store(), "contact", record_id, {"manager": actor()}, actor(), user.row.id)
    flash(_("The client is yours now."), "success")
    return redirect(url_for("managers.client", record_id=record_id))


def checked(given: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values as they are stored, None for empty ones; and what is wrong, by field."""
    values: dict[str, Any] = {name: text or None for name, text in given.items()}
    errors: dict[str, str] = {}
    region = the_store().settings.phone_region
    for name, text in given.items():
        if name in TEXTS and len(text) > TEXTS[name]:
            errors[name] = _("At most %(number)s characters.", number=TEXTS[name])
        if text and name in ("phone", "more_phone"):
            values[name] = e164(text, region)
            if not values[name].startswith("+"):
                errors[name] = _("This is no phone number. Example: +7 916 123-45-67.")
        if text and name in ("email", "more_email"):
            values[name] = text.lower()
            try:
                validate_email(text, check_deliverability=False)
            except EmailNotValidError:
                errors[name] = _("This is no e-mail address. Example: name@example.ru.")
    inn = given.get("inn", "")
    if inn and not (inn.isascii() and inn.isdigit() and len(inn) in (10, 12)):
        errors["inn"] = _("An INN has 10 or 12 digits.")
    if given.get("manager") and given["manager"] not in people():
        errors["manager"] = _("There is no such manager.")
    return values, errors


def _known(changes: Mapping[str, Any]) -> list[Row]:
    """Clients who have this phone or e-mail already."""
    ids: dict[int, None] = {}
    for name in POINTS:
        if changes.get(name):
            ids |= dict.fromkeys(exact_hits(changes[name]))
    return reads.contacts_by_id(the_store().database, list(ids), seeing.only())


def _form(
    contact: Row | None,
    given: Mapping[str, str],
    errors: Mapping[str, str],
    known: list[Row] | None = None,
) -> str:
    return render_template(
        "managers/client_form.html",
        contact=contact,
        given=given,
        errors=errors,
        known=known or [],
        fields=SHOWN,
        lengths=TEXTS,
        people=people(),
    )
