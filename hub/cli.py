"""The `hub` command. Every part of it works on the same HUB_HOME, whether the hub runs or not."""

from __future__ import annotations

import logging
import sys

import click

from hub import __version__
from hub.commands.lazy import LazyGroup
from hub.commands.output import exit_code_of
from hub.commands.session import Session

#: Commands and the modules that have them as functions.
COMMANDS = {
    "up": "start",
    "init": "start",
    "migrate": "start",
    "demo": "demo",
    "worker": "work",
    "scheduler": "work",
    "doctor": "doctor",
    "connections": "connections",
    "events": "inbox",
    "deliveries": "inbox",
    "sync": "sync",
    "reconcile": "sync",
    "mappings": "mappings",
    "mail": "mail",
    "reports": "reports",
    "users": "people",
    "tokens": "people",
    "secrets": "backup",
    "backup": "backup",
    "restore": "backup",
    "new-connector": "scaffold",
}


@click.group(
    cls=LazyGroup,
    modules={name: f"hub.commands.{module}" for name, module in COMMANDS.items()},
    help="Узел: интеграционная шина · Uzel, an integration hub",
)
@click.version_option(__version__)
@click.pass_context
def hub(context: click.Context) -> None:
    """Uzel, an integration hub."""
    context.call_on_close(context.ensure_object(Session).close)


def main() -> None:
    """Run the command; what a person can mend is one line on standard error, exit code 1."""
    # Commands tell people what they need; only long-running processes write the hub's log.
    logging.getLogger().addHandler(logging.NullHandler())
    if code := exit_code_of(lambda: hub(prog_name="hub")):
        sys.exit(code)


if __name__ == "__main__":
    main()
