"""A reminder of a task as a letter, in its reader's language."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from hub.sending.mail import Letter
from hub.store.store import Store
from hub.store.task_mail import Reminder
from hub.web.formats import moment_text
from hub.web.report_letters import letters_app


def compose(store: Store, one: Reminder) -> Letter:
    """The letter: what, until when, about whom, where to open it."""
    address = str(store.settings.option("site.url", "")).rstrip("/")
    with (
        letters_app(store).test_request_context(base_url=address or None),
        force_locale(one.language or store.settings.language),
    ):
        title = one.title or _("without a title")
        lines = [title, "", _("Deadline: %(moment)s", moment=moment_text(one.due_at))]
        if one.contact_name:
            lines.append(_("Client: %(name)s", name=one.contact_name))
        if address:
            lines += ["", f"{address}/tasks/{one.task_id}"]
        lines += ["", _("You asked for reminders by mail; they are switched off in your profile.")]
        mark = store.vault.derive("task letters")[:12]
        return Letter(
            to=one.email,
            subject=_("Task: %(title)s", title=title),
            text="\n".join(lines) + "\n",
            message_id=f"<task-{one.task_id}-{mark}@uzel.invalid>",
        )
