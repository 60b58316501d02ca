"""A new connection: the catalogue, the form made from a manifest, or a pasted file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from hub.flow import configure, connection_text
from hub.flow.configure import Trouble
from hub.flow.starter import completed
from hub.registry import manifests
from hub.sdk.errors import ConfigError
from hub.sdk.manifest import Manifest
from hub.store.connections import ChangedError, find_row
from hub.store.lists import pages
from hub.store.lists.ops import connection_overview
from hub.web import lists
from hub.web.admin import settings_form
from hub.web.admin.base import blueprint, require_admin
from hub.web.admin.settings_form import fields_of, read_form
from hub.web.context import actor, the_store
from hub.web.formats import local_title, loose
from hub.web.words import word


@blueprint.get("/connections/new")
def catalogue() -> str:
    """Every connector there is, as a card; found by any word of it."""
    require_admin()
    wanted = lists.argument("q").lower()
    kind = lists.argument("kind")
    shown = [
        manifest
        for manifest in sorted(manifests().values(), key=_by_kind)
        if kind in ("", manifest.kind) and all(part in _said(manifest) for part in wanted.split())
    ]
    name = "admin/catalogue_list.html" if lists.is_partial() else "admin/catalogue.html"
    return render_template(name, manifests=shown)


def _by_kind(manifest: Manifest) -> tuple[int, str]:
    order = ("telephony", "shop", "email", "erp", "crm", "generic")
    return order.index(manifest.kind), manifest.name


def _said(manifest: Manifest) -> str:
    about = manifest.about or {}
    parts = [manifest.name, *manifest.title.values(), *about.values(), *manifest.entities]
    parts.append(str(word("connector_kind", manifest.kind).label))
    return " ".join(parts).lower().replace("1с", "1с 1c")


@blueprint.get("/connections/new/<connector>")
def new_connection(connector: str) -> str:
    """An empty form for a connection of this kind."""
    require_admin()
    manifest = _manifest(connector)
    document = {"title": _free_title(manifest), "settings": _beginning(manifest)}
    return form_page(manifest, document, name="", revision=None)


def _free_title(manifest: Manifest) -> str:
    """The connector's title, numbered when another connection has it."""
    taken = {title for _name, title in pages.connection_titles(the_store().database).values()}
    title = local_title(manifest.title)
    return title if title not in taken else f"{title} {len(taken) + 1}"


def _beginning(manifest: Manifest) -> dict[str, Any]:
    """What a form of a sender's own records begins with: one lead at the root of the body."""
    names = {setting.name for setting in manifest.settings}
    begins = manifest.mappings_from_connection and {"records", "scheme"} <= names
    return (
        {"scheme": "token", "header": "X-Api-Key", "records": [{"entity": "lead"}]}
        if begins
        else {}
    )


@blueprint.post("/connections/new/<connector>")
def add_connection(connector: str) -> str | Response:
    """Save the form as a new connection, or show it again with what is wrong."""
    manifest = _manifest(connector)
    name, document, troubles = read_document(manifest, None, {})
    document = completed(manifest, document)
    if not troubles:
        try:
            note = request.form.get("note", "")[:1000]
            configure.save(
                the_store(), name, document, revision=None, actor=actor(), note=note, action="added"
            )
        except ConfigError as error:
            troubles = [configure.told(error)]
        except ChangedError:
            troubles = [Trouble("name", f"there is a connection «{name}» already")]
    if troubles:
        return form_page(manifest, document, name=name, revision=None, troubles=troubles)
    flash(_("The connection is saved and works. Next: these steps."), "success")
    return redirect(url_for("admin.next_steps", name=name))


@blueprint.post("/connections/check")
def check_form() -> str:
    """What is wrong with the form as it stands, each trouble by the place of its field."""
    manifest = _manifest(request.form.get("connector", ""))
    existing = request.form.get("existing", "")
    before, kept = stored_parts(existing)
    name, _document, troubles = read_document(manifest, existing or None, before, kept)
    return render_template("admin/form_troubles.html", troubles=troubles, name=name)


@blueprint.get("/connections/new/yaml")
def paste_yaml() -> str:
    """A place for a connection file's text."""
    require_admin()
    return _yaml_page("", "", [], None)


@blueprint.post("/connections/new/yaml")
def add_yaml() -> str | Response:
    """Save a pasted file; secrets that it only refers to are asked for."""
    text, name = request.form.get("yaml", ""), request.form.get("name", "").strip()
    try:
        document = connection_text.read(text)
        manifest = manifests().get(str(document.get("connector") or ""))
    except ConfigError as error:
        return _yaml_page(text, name, [configure.told(error)], None)
    if manifest is None:
        known = ", ".join(manifests())
        trouble = Trouble("connector", f"there is no such connector; there are: {known}")
        return _yaml_page(text, name, [trouble], None)
    given = {
        setting.name: value
        for setting in manifest.settings
        if setting.secret and (value := request.form.get(f"secrets.{setting.name}", "").strip())
    }
    document["secrets"] = {**document["secrets"], **given}
    document["title"] = str(document.get("title") or local_title(manifest.title))
    taken = _names()
    name = name or configure.name_for(document["title"], taken, manifest.name)
    troubles = configure.troubles(name, document, taken=taken)
    if not troubles:
        try:
            configure.save(
                the_store(), name, completed(manifest, document), revision=None, actor=actor(),
                note="YAML", action="added",
            )  # fmt: skip
        except (ConfigError, ChangedError) as error:
            message = error.message if isinstance(error, ConfigError) else "is taken"
            troubles = [Trouble("name", message)]
    if troubles:
        return _yaml_page(text, name, troubles, manifest)
    flash(_("The connection is saved and works. Next: these steps."), "success")
    return redirect(url_for("admin.next_steps", name=name))


def _yaml_page(text: str, name: str, troubles: Sequence[Trouble], manifest: Manifest | None) -> str:
    return render_template(
        "admin/connect_yaml.html", text=text, name=name, troubles=troubles, manifest=manifest
    )


def _manifest(connector: str) -> Manifest:
    found = manifests().get(connector)
    if found is None:
        abort(404)
    return found


def _names() -> set[str]:
    return {name for name, _title in pages.connection_titles(the_store().database).values()}


def stored_parts(name: str) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The document and the secrets' values (to be counted, never shown) of a stored connection."""
    if not name:
        return {}, {}
    store = the_store()
    with store.database.read() as db:
        row = find_row(db, name)
    if row is None:
        abort(404)
    return configure.document_of(row), store.vault.open(row.secrets)


def read_document(
    manifest: Manifest,
    existing: str | None,
    before: Mapping[str, Any],
    kept: Mapping[str, Any] | None = None,
) -> tuple[str, dict[str, Any], list[Trouble]]:
    """(name, document, troubles) of the form; `before` is the stored document."""
    former = before.get("settings") or {}
    settings, secrets, unread = read_form(manifest, request.form, former)
    title = request.form.get("title", "").replace("\0", "").strip()[:200]
    taken: set[str] = set() if existing else _names()
    name = existing or request.form.get("name", "").strip().lower()
    name = name or configure.name_for(title, taken, manifest.name)
    document = {
        **before,
        "connector": manifest.name,
        "title": title,
        "settings": settings,
        "secrets": secrets,
    }
    if "destinations.asked" in request.form:
        document["destinations"] = request.form.getlist("destinations")
    places = {one.place for one in unread}
    known = list(kept or ())
    found = configure.troubles(name, document, kept_secrets=known, taken=taken)
    return name, document, [*unread, *(one for one in found if one.place not in places)]


def form_page(
    manifest: Manifest,
    document: Mapping[str, Any],
    *,
    name: str,
    revision: int | None,
    troubles: Sequence[Trouble] = (),
    kept: Mapping[str, Any] | None = None,
    existing: str = "",
    conflict: str = "",
) -> str:
    """The form of a connection, new or known."""
    counts = {key: len(values) for key, values in (kept or {}).items()}
    settings = document.get("settings") or {}
    return render_template(
        "admin/connection_form.html",
        manifest=manifest,
        document=loose(document),
        settings=loose(settings),
        usual_limits=loose(manifest.limits),
        fields=fields_of(manifest, settings, counts),
        troubles=troubles,
        name=name,
        existing=existing,
        revision=revision,
        conflict=conflict,
        common=manifest.common_settings(),
        takers=_takers(existing),
        zones=("Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg",
               "Asia/Omsk", "Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk",
               "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka"),
        rest=settings_form.REST,
        row_name=settings_form.NAME,
    )  # fmt: skip


def _takers(existing: str) -> list[tuple[str, str]]:
    """(name, title) of the connections that changes of this one can go to."""
    titles = {row["name"]: row["title"] for row in connection_overview(the_store().database)}
    return [
        (one.name, titles.get(one.name) or one.name)
        for one in the_store().catalog.all()
        if one.connector.takes_changes and one.name != existing
    ]
