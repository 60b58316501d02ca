"""One process that has imported the hub and forks the others: they share its memory and start
at once.

It is single-threaded and opens neither database nor Redis: a fork inherits nothing that talks.
What it forks is no child of its own: a process between the two ends at once, so that the kernel
hands the new one to the supervisor (its «subreaper»). The supervisor watches and ends it like any
other child, and the fork server may be killed without anybody else noticing.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence

from hub import settings as hub_settings
from hub.embedded import launch

#: Programs that may be forked (`python -m NAME …`) and the function that runs each.
ENTRIES = {"hub.cli": ("hub.cli", "main"), "gunicorn": ("gunicorn.app.wsgiapp", "run")}
#: What every process of the hub needs, imported once.
PRELOADED = (
    "hub.cli",
    "hub.app",
    "hub.commands.work",
    "hub.jobs",
    "gunicorn.app.wsgiapp",
    "gunicorn.arbiter",
    "gunicorn.workers.gthread",
    "rq.worker",
)
MAX_REQUEST_BYTES = 64 * 1024
#: Output, the supervisor's word, and what is handed over by name.
MAX_HANDED = 8
ADOPTION_SECONDS = 5.0
TITLE = "hub fork server"


def is_possible() -> bool:
    """Whether this system can hand a forked process to another parent."""
    return sys.platform == "linux"


def can_fork(command: Sequence[str]) -> bool:
    """Whether the command is a program that the fork server knows."""
    return tuple(command[:2]) == (sys.executable, "-m") and command[2] in ENTRIES


def preload() -> None:
    """Import what every process needs.

    A collection writes to every object it looks at; what is frozen it leaves alone, so that the
    memory of it stays shared after forks.
    """
    gc.disable()
    for module in PRELOADED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    gc.enable()


def serve(channel: socket.socket, supervisor: int) -> None:
    """Import, say so, and fork on request until the supervisor closes its end."""
    if not launch.die_with_parent(supervisor):
        return
    _name(TITLE)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    preload()
    # What it forks switches it on again; here nothing is made that could be collected.
    gc.disable()
    channel.send(b"{}")
    while True:
        text, handed, _, _ = socket.recv_fds(channel, MAX_REQUEST_BYTES, MAX_HANDED)
        if not text:
            return
        pid = _fork(channel, supervisor, json.loads(text), handed)
        for number in handed:
            os.close(number)
        channel.send(json.dumps({"pid": pid}).encode())


def _fork(
    channel: socket.socket, supervisor: int, request: Mapping[str, list[str]], handed: list[int]
) -> int:
    """Fork twice; returns the number of the process that the supervisor gets as its child."""
    reader, writer = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid == 0:
            channel.close()
            os.close(reader)
            os.close(writer)
            _become(request["command"], request["names"], handed, supervisor)
        os.write(writer, str(pid).encode())
        os._exit(0)
    os.close(writer)
    pid = int(os.read(reader, 32) or b"0")
    os.close(reader)
    os.waitpid(between, 0)
    return pid


def _become(command: list[str], names: list[str], handed: list[int], supervisor: int) -> None:
    """Run the program in this process and end with its exit code."""
    code = 1
    try:
        gc.enable()
        atexit._clear()  # noqa: SLF001  # the supervisor's handlers are not ours
        os.setsid()
        output, word, *others = handed
        nothing = os.open(os.devnull, os.O_RDONLY)
        for place, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, place)
        for plain in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(plain, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # A supervisor that gave up waiting for us has started another in our place.
        if _adopted(supervisor) and os.read(word, 1):
            for number in (nothing, output, word):
                os.close(number)
            hub_settings.set_environment(
                {name: str(number) for name, number in zip(names, others, strict=True)}
            )
            code = _run(command)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _adopted(supervisor: int) -> bool:
    """Wait until the supervisor is our parent, and die with it from then on."""
    until = time.monotonic() + ADOPTION_SECONDS
    while os.getppid() != supervisor:
        if time.monotonic() > until:
            return False
        time.sleep(0.0005)
    return launch.die_with_parent(supervisor)


def _run(command: list[str]) -> int:
    module, *arguments = command[2:]
    _name(" ".join(["hub" if module == "hub.cli" else module, *arguments]))
    sys.argv = [module, *arguments]
    place, function = ENTRIES[module]
    code = 0
    try:
        getattr(importlib.import_module(place), function)()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    # What Python does at its end, without taking down what was inherited.
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  # multiprocessing ends its forks the same way
    atexit._run_exitfuncs()  # noqa: SLF001  # what `sys.exit` would run
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _name(title: str) -> None:
    """What `ps` shows."""
    from setproctitle import setproctitle

    setproctitle(title)


def prepare_names() -> None:
    """Find the place of this process's name, which moves once the environment is changed."""
    # The title shall not spill over what /proc shows as the environment.
    hub_settings.set_environment({"SPT_NOENV": "1"})
    from setproctitle import getproctitle

    getproctitle()


def main() -> None:
    """Run by `python -m hub.embedded.forkserver CHANNEL SUPERVISOR`: one that was started anew."""
    prepare_names()
    serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))


if __name__ == "__main__":
    main()
