"""When the streams of a connection run, where each stands, and reading one again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from hub.flow import configure, poll, positions
from hub.schedules import period_seconds
from hub.sdk.errors import ConfigError, Rejected
from hub.store.connections import ChangedError, Configured
from hub.store.database import utc_now
from hub.web.admin.base import blueprint, reason, require
from hub.web.admin.connection_edit import stored_row
from hub.web.context import actor, company_zone, the_store

#: Rules to choose from; any other is typed.
USUAL = ("", "every 1m", "every 5m", "every 15m", "every 30m", "every 1h", "every 6h", "every 1d")


@blueprint.get("/connections/<name>/schedule")
def schedule(name: str) -> str:
    """Every stream with its rule, its next turns and its cursor."""
    return _page(name)


def _page(name: str, planned: Any = None, since: str = "", why: str = "") -> str:
    row = stored_row(name)
    configured = require(name)
    known = positions.positions(the_store(), configured)
    streams = [
        _stream(configured, stream, known.get(stream)) for stream in configured.stream_names()
    ]
    return render_template(
        "admin/connection_schedule.html",
        row=row,
        name=name,
        configured=configured,
        streams=streams,
        usual=USUAL,
        reads=configured.connector.read is not None,
        at_a_moment=configured.connector.cursor_since is not None,
        planned=planned,
        since=since,
        why=why,
        in_words=rule_words,
    )


def _stream(configured: Configured, name: str, known: Any) -> dict[str, Any]:
    rule = poll.due_schedule(configured).get(name, "")
    stream = configured.stream(name)
    return {
        "name": name,
        "stream": stream,
        "rule": rule,
        "proposed": next(
            (one.schedule for one in configured.connector.manifest.streams if one.name == name), ""
        ),
        "position": known,
        "turns": _turns(rule, configured),
    }


def _turns(rule: str, configured: Configured) -> list[datetime]:
    try:
        return positions.turns(rule, configured) if rule else []
    except ConfigError:
        return []


def rule_words(rule: str) -> str:
    """A rule as people say it; a cron line that is not simple stays as it is."""
    if not rule:
        return str(_("only by hand"))
    period = period_seconds(rule)
    if period is not None:
        return _period(period)
    parts = rule.split()
    if len(parts) == 5 and parts[0].isdigit() and parts[1].isdigit():
        clock = f"{int(parts[1]):02d}:{int(parts[0]):02d}"
        if parts[2:] == ["*", "*", "*"]:
            return str(_("every day at %(clock)s", clock=clock))
        if parts[2:] == ["*", "*", "1-5"]:
            return str(_("on working days at %(clock)s", clock=clock))
    return rule


def _period(seconds: int) -> str:
    if seconds % 86400 == 0:
        days = seconds // 86400
        return str(ngettext("every %(num)s day", "every %(num)s days", days))
    if seconds % 3600 == 0:
        return str(ngettext("every %(num)s hour", "every %(num)s hours", seconds // 3600))
    if seconds % 60 == 0:
        return str(ngettext("every %(num)s minute", "every %(num)s minutes", seconds // 60))
    return str(ngettext("every %(num)s second", "every %(num)s seconds", seconds))


@blueprint.get("/connections/<name>/schedule/turns")
def turns(name: str) -> str:
    """A rule in words with its next turns, as it is chosen or typed."""
    configured = require(name)
    rule = request.args.get("rule", "").strip() or request.args.get("usual", "").strip()
    error, found = "", []
    try:
        found = positions.turns(rule, configured) if rule else []
    except ConfigError as caught:
        error = configure.told(caught).message
    words = rule_words(rule)
    return render_template("admin/schedule_turns.html", words=words, turns=found, error=error)


@blueprint.post("/connections/<name>/schedule")
def save_schedule(name: str) -> Response:
    """Save the rules of all streams as a new revision."""
    configured, row = require(name), stored_row(name)
    document = configure.document_of(row)
    names = configured.stream_names()
    rules = {stream: _chosen(stream) for stream in names}
    kept = {key: rule for key, rule in document["schedule"].items() if key not in names}
    document["schedule"] = {**kept, **{key: rule for key, rule in rules.items() if rule}}
    revision = request.form.get("revision", "")
    try:
        configure.save(
            the_store(),
            name,
            document,
            revision=int(revision) if revision.isdigit() else -1,
            actor=actor(),
            note=request.form.get("note", "")[:1000] or "schedule",
        )
    except ChangedError:
        raise Rejected("the connection was changed meanwhile: open the page anew") from None
    _plan_anew(name, row.schedule)
    flash(_("Saved. The change is live within two seconds."), "success")
    return redirect(url_for("admin.schedule", name=name))


def _chosen(stream: str) -> str:
    usual = request.form.get(f"usual.{stream}", "")
    typed = request.form.get(f"rule.{stream}", "").replace("\0", "").strip()[:100]
    return typed if usual == "own" else usual


def _plan_anew(name: str, before: dict[str, str]) -> None:
    """A stream with another rule must not wait for the turn that the old rule gave it."""
    configured = require(name)
    for stream, rule in configured.schedule.items():
        if before.get(stream) != rule:
            poll.plan_next(the_store(), configured, stream, utc_now())


@blueprint.post("/connections/<name>/streams/<stream>/reread")
def reread(name: str, stream: str) -> str | Response:
    """Show what reading again would do; with `sure` do it."""
    configured = require(name)
    text = request.form.get("since", "").strip()
    since = _midnight(text) if text else None
    if request.form.get("sure") != "yes":
        planned = positions.plan(the_store(), configured, stream, since)
        return _page(name, planned, text, request.form.get("reason", "")[:1000])
    run_id = positions.reread(the_store(), configured, stream, since, actor(), reason())
    flash(_("The position is set back and a run is queued."), "success")
    return redirect(url_for("admin.run", run_id=run_id))


def _midnight(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=company_zone())
    except ValueError:
        raise Rejected("choose a day and a time") from None
