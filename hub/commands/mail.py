"""`hub mail`: whether letters go out."""

from __future__ import annotations

import click

from hub.commands.session import Session, pass_session
from hub.sending import mail as sending


@click.group(help="Почта узла · The hub's own letters")
def mail() -> None:
    """Letters that the hub sends."""


@mail.command("test", help="Отправить пробное письмо · Send a letter to try the settings")
@click.argument("address")
@pass_session
def test(session: Session, address: str) -> None:
    """Send a short letter now; exit code 1 and the remedy when it does not go out."""
    server = sending.required_server(session.settings)
    russian = session.settings.language == "ru"
    subject = "Пробное письмо узла" if russian else "A letter to try the hub's mail"
    text = (
        "Если вы это читаете, узел умеет отправлять письма."
        if russian
        else "If you read this, the hub can send letters."
    )
    sending.send(server, sending.Letter(to=address, subject=subject, text=f"{text}\n"))
    click.echo(f"{address}: {server.host} принял письмо · the letter was taken")
