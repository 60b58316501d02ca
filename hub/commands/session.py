"""What every command starts from: the settings, and the store once it is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from hub import settings as hub_settings
from hub.embedded.console import Console
from hub.settings import Settings
from hub.store.store import Store

#: Who the audit log and the revisions name for what the command line did.
ACTOR = "cli"
Function = TypeVar("Function", bound=Callable[..., Any])


class Session:
    """One command's settings and store."""

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment."""
        return hub_settings.load()

    @cached_property
    def store(self) -> Store:
        """The store at this version's schema: a new HUB_HOME works without `hub init`."""
        from hub.store.migrate import is_current

        store = Store.open(self.settings)
        if is_current(store.database):
            return store
        store.database.dispose()
        return Store.open(self.settings, migrate=True)

    def console(self, *, verbose: bool = False) -> Console:
        """The console in the hub's language."""
        return Console(self.settings.language, verbose=verbose)

    def at_home(self, home: Path) -> Session:
        """A session of another HUB_HOME with the rest of the environment."""
        environment = hub_settings.child_environment(self.settings)
        other = Session()
        other.__dict__["settings"] = hub_settings.load({**environment, "HUB_HOME": str(home)})
        return other

    def close(self) -> None:
        """Let the store go, if it was opened."""
        if "store" in self.__dict__:
            self.store.database.dispose()


def pass_session(function: Function) -> Function:
    """Give the command its session as the first argument."""

    @click.pass_context
    @wraps(function)
    def call(context: click.Context, *args: Any, **options: Any) -> Any:
        return context.invoke(function, context.ensure_object(Session), *args, **options)

    return call  # type: ignore[return-value]  # click's decorators change the signature
