"""`hub reports`: the kept numbers of reports."""

from __future__ import annotations

import click

from hub.commands.session import Session, pass_session
from hub.flow import report_keeper


@click.group(help="Отчёты · Reports")
def reports() -> None:
    """The numbers that reports are read from."""


@reports.command("rebuild", help="Пересчитать отчёты заново · Count every day anew")
@pass_session
def rebuild(session: Session) -> None:
    """Throw the kept numbers away and count all days anew. Reports stay open meanwhile."""
    report_keeper.rebuild(session.store)
    click.echo("отчёты пересчитаны · the reports are counted anew")
