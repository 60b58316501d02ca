"""`hub worker` and `hub scheduler`: the processes of the Procfile."""

from __future__ import annotations

import click

from hub import schedule
from hub import worker as queue_worker
from hub.commands.session import Session, pass_session
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


@click.command(help="Обработчики очередей · Workers: of one queue, or of all as hub.yml says")
@click.argument("queue", metavar="[live | deliver | bulk]", required=False)
@pass_session
def worker(session: Session, queue: str | None) -> None:
    """Work until told to stop. Without a queue: a process per worker, kept running."""
    if queue is not None:
        queue_worker.run(session.settings, queue)
        return
    raise SystemExit(processes.run_workers(session.settings, session.console(verbose=True)))


@click.command(help="Планировщик · The scheduler, for the Procfile")
@pass_session
def scheduler(session: Session) -> None:
    """Ring for what is due until told to stop."""
    configure(session.settings.log_level)
    schedule.run(session.settings, CHORES)
