"""Possible duplicates: two clients side by side, merge, «different people», undo."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from hub.crm import product_merges
from hub.store import audit
from hub.store.lists import pages, stock
from hub.store.lists.paging import MAX_ID
from hub.store.lists.people import list_duplicates, list_merges
from hub.store.store import Store
from hub.web import deeds, lists, menu
from hub.web.admin.base import back, blueprint, found
from hub.web.context import actor, the_store

PAIRS = 20
JUDGEMENTS: dict[str, Callable[[Store, int, str], object]] = {
    "same": product_merges.same,
    "different": product_merges.different,
    "undo": product_merges.undo,
}

menu.add("admin", 170, "admin.duplicates", _l("Duplicates"), "git-merge")


@blueprint.get("/duplicates")
def duplicates() -> Response:
    """Open pairs, and the latest merges with their undo."""
    database = the_store().database
    status = lists.argument("status") or "open"
    page = list_duplicates(database, status, PAIRS, lists.cursor())
    ids = {row[name] for row in page.items for name in ("contact_id", "other_id")}
    return lists.show(
        "admin/duplicates",
        page,
        status=status,
        contacts=pages.contact_briefs(database, ids),
        merges=list_merges(database, limit=20).items,
        product_pairs=stock.list_pairs(database, "open", PAIRS),
        settled_pairs=stock.list_pairs(database, "", PAIRS),
    )


@blueprint.post("/products/<int:pair_id>/<judgement>")
def judge_products(pair_id: int, judgement: str) -> Response:
    """Say of two products that they are one, or two; or take that back."""
    found(pair_id if pair_id <= MAX_ID and judgement in JUDGEMENTS else None)
    JUDGEMENTS[judgement](the_store(), pair_id, actor())
    with the_store().database.write() as db:
        audit.record(db, actor(), f"products: {judgement}", "possible products", pair_id)
    flash(_("Noted."), "success")
    return back(url_for("admin.duplicates"))


@blueprint.post("/duplicates/merge")
def merge() -> Response:
    """Merge one client into the other; nothing is deleted and it can be undone."""
    kept, merged = _number("kept_id"), _number("merged_id")
    deeds.merge(kept, merged)
    flash(_("The clients are merged. The merge can be undone below."), "success")
    return back(url_for("admin.duplicates"))


@blueprint.post("/duplicates/<int:duplicate_id>/dismiss")
def dismiss(duplicate_id: int) -> Response:
    """Say that the two are different people."""
    found(duplicate_id if duplicate_id <= MAX_ID else None)
    deeds.dismiss(duplicate_id)
    flash(_("Noted: these are different people."), "success")
    return back(url_for("admin.duplicates"))


@blueprint.post("/merges/<int:merge_id>/undo")
def undo(merge_id: int) -> Response:
    """Undo a merge: what it moved goes back."""
    found(merge_id if merge_id <= MAX_ID else None)
    deeds.undo(merge_id)
    flash(_("The merge is undone."), "success")
    return back(url_for("admin.duplicates"))


def _number(name: str) -> int:
    text = request.form.get(name, "")
    if not text.isdecimal() or int(text[:19]) > MAX_ID:
        abort(400)
    return int(text)
