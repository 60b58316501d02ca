"""`hub up`, `hub init`, `hub demo`, and what a first start prepares."""

from __future__ import annotations

from collections.abc import Callable

import click

from hub.commands import connection_files
from hub.commands.output import exit_code_of, note
from hub.commands.session import ACTOR, Session, pass_session
from hub.embedded import processes
from hub.embedded.apart import Apart
from hub.embedded.console import Console
from hub.embedded.supervisor import Supervisor
from hub.sdk.errors import HubError
from hub.store import users
from hub.store.store import Store

FIRST_ADMIN = "admin@uzel.local"


def prepare(session: Session, console: Console) -> bool:
    """Schema, key, connection files, first admin; returns whether every file was right."""
    from hub.store.migrate import upgrade

    store = session.store
    upgrade(store.database)
    right = True
    for done in connection_files.import_all(store, ACTOR):
        if done.error:
            right = False
            note(f"✗ {done.error}")
        elif done.changed:
            console.say(f"подключение «{done.name}» записано", f"connection «{done.name}» stored")
    if password := first_admin(store):
        console.both(
            f"Первый вход: {FIRST_ADMIN}, пароль {password}\n"
            f"Пароль показан один раз; новый: hub users password {FIRST_ADMIN}",
            f"First sign-in: {FIRST_ADMIN}, password {password}\n"
            f"It is shown only once; a new one: hub users password {FIRST_ADMIN}",
        )
    return right


def first_admin(store: Store) -> str | None:
    """Make the first admin of a store without users; returns the password, None if there are."""
    if users.list_users(store.database):
        return None
    try:
        return users.create_user(store.database, FIRST_ADMIN, "Администратор", users.ADMIN)[1]
    except HubError:
        # Another machine's hub, started in the same moment, has told its password.
        if users.list_users(store.database):
            return None
        raise


@click.command(help="Запустить узел целиком · Run the whole hub in the foreground")
@click.option("--verbose", is_flag=True, help="журналы процессов на экран · show their logs")
@pass_session
def up(session: Session, verbose: bool) -> None:
    """Run every process until SIGINT or SIGTERM; one that dies is started again."""
    console = session.console(verbose=verbose)

    def ready(_: Supervisor) -> None:
        where = processes.address(session.settings)
        console.say(
            f"Узел работает: {where}  (данные: {session.settings.home}; Ctrl-C — остановить)",
            f"The hub is up: {where}  (data: {session.settings.home}; Ctrl-C stops it)",
        )

    def prepared() -> Callable[[], None]:
        return Apart(lambda: exit_code_of(lambda: prepare(session, console))).finish

    code = processes.run(session.settings, console, prepared, ready)
    console.say("Узел остановлен", "The hub has stopped")
    raise SystemExit(code)


@click.command(help="Создать базу, ключ, первого админа · Make the store, key, first admin")
@pass_session
def init(session: Session) -> None:
    """Prepare HUB_HOME without starting anything; exit code 1 when a connection file is wrong."""
    console = session.console()
    right = prepare(session, console)
    console.say(f"Готово: {session.settings.home}", f"Ready: {session.settings.home}")
    if not right:
        raise SystemExit(1)


@click.command(help="Обновить схему базы · Bring the store's schema up to date")
@pass_session
def migrate(session: Session) -> None:
    """Apply the migrations that are missing; safe in several places at once."""
    from hub.store.migrate import upgrade

    upgrade(session.store.database)
    click.echo("ok")
