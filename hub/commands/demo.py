"""`hub demo`: the hub with emulated vendors."""

from __future__ import annotations

from pathlib import Path

import click

from hub.commands.session import Session, pass_session
from hub.commands.start import first_admin
from hub.embedded import demo as demo_run

DEMO_HOME = Path("var") / "demo"


@click.command(help="Показать всё на эмуляторах · The hub with emulated vendors")
@click.option("--once", is_flag=True, envvar="DEMO_ONCE", help="показать и выйти · print and exit")
@click.option("--home", type=click.Path(path_type=Path), envvar="HUB_HOME", default=DEMO_HOME)
@click.option("--verbose", is_flag=True, help="журналы процессов на экран · show their logs")
@pass_session
def demo(session: Session, once: bool, home: Path, verbose: bool) -> None:
    """Emulators send, the hub takes in, a table says what arrived; 1 when something is missing."""
    home = home.expanduser().resolve()
    demo_run.write_defaults(home)
    session = session.at_home(home)
    console = session.console(verbose=verbose)
    raise SystemExit(
        demo_run.run(
            session.settings,
            console,
            once=once,
            open_store=lambda: session.store,
            first_admin=first_admin,
        )
    )
