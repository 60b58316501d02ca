"""The `hub` command. Every part of it works on the same HUB_HOME, whether the hub runs or not."""

from __future__ import annotations

import sys

import click
from sqlalchemy.exc import SQLAlchemyError

from hub import __version__, schedule
from hub import worker as queue_worker
from hub.commands.backup import backup, restore, secrets
from hub.commands.connections import connections
from hub.commands.doctor import doctor
from hub.commands.inbox import deliveries, events
from hub.commands.mappings import mappings
from hub.commands.people import tokens, users
from hub.commands.scaffold import new_connector
from hub.commands.session import Session, pass_session
from hub.commands.start import demo, init, migrate, up
from hub.commands.sync import reconcile, sync
from hub.log import configure
from hub.queues import QUEUES
from hub.sdk.errors import HubError


@click.group(help="Узел: интеграционная шина · Uzel, an integration hub")
@click.version_option(__version__)
def hub() -> None:
    """Uzel, an integration hub."""


@hub.command(help="Обработчик одной очереди · A worker of one queue, for the Procfile")
@click.argument("queue", metavar=" | ".join(QUEUES))
@pass_session
def worker(session: Session, queue: str) -> None:
    """Work on one queue until told to stop."""
    queue_worker.run(session.settings, queue)


@hub.command(help="Планировщик · The scheduler, for the Procfile")
@pass_session
def scheduler(session: Session) -> None:
    """Ring for what is due until told to stop."""
    configure(session.settings.log_level)
    schedule.run(session.settings)


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
    try:
        hub(prog_name="hub")
    except HubError as error:
        print(error.message, file=sys.stderr)
        sys.exit(1)
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        print(f"хранилище недоступно · the store is away: {reason}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
