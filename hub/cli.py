"""The `hub` command. Every part of it works on the same HUB_HOME, whether the hub runs or not."""

from __future__ import annotations

import logging
import sys

import click

from hub import __version__, schedule
from hub import worker as queue_worker
from hub.commands.backup import backup, restore, secrets
from hub.commands.connections import connections
from hub.commands.doctor import doctor
from hub.commands.inbox import deliveries, events
from hub.commands.mail import mail
from hub.commands.mappings import mappings
from hub.commands.output import exit_code_of
from hub.commands.people import tokens, users
from hub.commands.reports import reports
from hub.commands.scaffold import new_connector
from hub.commands.session import Session, pass_session
from hub.commands.start import demo, init, migrate, up
from hub.commands.sync import reconcile, sync
from hub.embedded import processes
from hub.flow import housekeeping, report_keeper, report_mail, task_mail
from hub.flow.chores import Chore
from hub.log import configure
from hub.sending.mail import Letter
from hub.store.report_mail import Task
from hub.store.store import Store
from hub.store.task_mail import Reminder


def _write_report(store: Store, task: Task) -> Letter:
    # Imported here: what writes letters brings the whole site with it.
    from hub.web.report_letters import compose

    return compose(store, task)


def _mail_reports(store: Store) -> None:
    report_mail.send_due(store, _write_report)


def _write_reminder(store: Store, one: Reminder) -> Letter:
    from hub.web.task_letters import compose

    return compose(store, one)


def _mail_tasks(store: Store) -> None:
    task_mail.send_due(store, _write_reminder)


#: What the leading scheduler does beside the sweep.
CHORES = (
    Chore("tidy", 2, housekeeping.tidy),
    Chore("take up stock", 2, housekeeping.catch_up),
    Chore("keep reports", 60, report_keeper.keep),
    Chore("mail reports", 5, _mail_reports),
    Chore("mail reminders", 30, _mail_tasks),
)


@click.group(help="Узел: интеграционная шина · Uzel, an integration hub")
@click.version_option(__version__)
@click.pass_context
def hub(context: click.Context) -> None:
    """Uzel, an integration hub."""
    context.call_on_close(context.ensure_object(Session).close)


@hub.command(help="Обработчики очередей · Workers: of one queue, or of all as hub.yml says")
@click.argument("queue", metavar="[live | deliver | bulk]", required=False)
@pass_session
def worker(session: Session, queue: str | None) -> None:
    """Work until told to stop. Without a queue: a process per worker, kept running."""
    if queue is not None:
        queue_worker.run(session.settings, queue)
        return
    raise SystemExit(processes.run_workers(session.settings, session.console(verbose=True)))


@hub.command(help="Планировщик · The scheduler, for the Procfile")
@pass_session
def scheduler(session: Session) -> None:
    """Ring for what is due until told to stop."""
    configure(session.settings.log_level)
    schedule.run(session.settings, CHORES)


for command in (
    up,
    init,
    doctor,
    connections,
    events,
    sync,
    deliveries,
    reconcile,
    mappings,
    mail,
    reports,
    users,
    tokens,
    secrets,
    new_connector,
    backup,
    restore,
    migrate,
    demo,
):
    hub.add_command(command)


def main() -> None:
    """Run the command; what a person can mend is one line on standard error, exit code 1."""
    # Commands tell people what they need; only long-running processes write the hub's log.
    logging.getLogger().addHandler(logging.NullHandler())
    if code := exit_code_of(lambda: hub(prog_name="hub")):
        sys.exit(code)


if __name__ == "__main__":
    main()
