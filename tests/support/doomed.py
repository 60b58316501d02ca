"""Processes that work for a hub and are killed at a named moment, born of a server that waits.

A new interpreter takes a second and a half to import the hub before it has anything to be killed
at; the fork server has imported it once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from hub.settings import Settings
from hub.store.store import Store
from tests.support.hub import Hub

LONGEST_SECONDS = 60
_processes = get_context("forkserver")
_processes.set_forkserver_preload(["tests.support.doomed_delivery", "tests.support.doomed_sync"])


class Doom:
    """Where a process says that its moment has come, and waits for the end."""

    def __init__(self, door: Connection) -> None:
        self._door = door

    def stopping(
        self, function: Callable[..., Any], number: int, *, after: bool
    ) -> Callable[..., Any]:
        """The function, stopping for ever at its call of this number, before or after its work."""
        calls = 0

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            result = function(*args, **kwargs) if after or calls < number else None
            if calls == number:
                self._door.send("here")
                threading.Event().wait()
            return result

        return call


Work = Callable[..., object]


def killed_in(hub: Hub, work: Work, *arguments: object) -> None:
    """Do this work in a process that is killed (-9) when it says that it is there.

    `work` gets the doom, the opened store and the arguments.
    """
    ear, mouth = _processes.Pipe(duplex=False)
    process = _processes.Process(
        target=_live, args=(mouth, hub.store.settings, work, arguments), daemon=True
    )
    process.start()
    mouth.close()
    with closing(ear):
        said = _heard(ear)
        process.kill()
        process.join(30)
    assert said == "here", f"the work ended before {arguments}: {said}"


def _heard(ear: Connection) -> object:
    if not ear.poll(LONGEST_SECONDS):
        return "not a word"
    try:
        return ear.recv()
    except EOFError:
        return "it died by itself"


def _live(mouth: Connection, settings: Settings, work: Work, arguments: tuple[object, ...]) -> None:
    mouth.send(repr(work(Doom(mouth), Store.open(settings), *arguments)))
