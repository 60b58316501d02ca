"""The processes of one hub, as `hub up` and the demo start them."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from hub import settings as hub_settings
from hub.embedded import forkserver, ports, redis
from hub.embedded.child import Child
from hub.embedded.console import Console
from hub.embedded.home import locked
from hub.embedded.spawn import ForkServer
from hub.embedded.supervisor import Supervisor
from hub.queues import QUEUES
from hub.settings import Settings

HUB = (sys.executable, "-m", "hub.cli")
GUNICORN_CONFIG = Path(__file__).with_name("gunicorn_conf.py")


def address(settings: Settings) -> str:
    """The site's address for a person on this machine."""
    host = settings.host
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  # compared, not listened on
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def children(settings: Settings, listener: socket.socket) -> list[Child]:
    """Redis (unless REDIS_URL names one), gunicorn, a worker per queue and count, the scheduler.

    ConfigError when no Redis server can be found.
    """
    found: list[Child] = []
    if not settings.redis_url:
        found.append(
            Child(
                "redis",
                redis.command(settings),
                prepare=partial(redis.clear_way, settings),
                ready=partial(redis.is_up, settings),
                foundation=True,
            )
        )
    web = (sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_CONFIG), "hub.app:serve()")
    farewell = partial(ports.turn_away, listener)
    found.append(Child("web", web, announces=True, listener=listener, farewell=farewell))
    found += workers(settings)
    found.append(Child("scheduler", (*HUB, "scheduler")))
    return found


def workers(settings: Settings) -> list[Child]:
    """The workers that hub.yml asks for, each of one queue."""
    return [
        Child(f"worker-{queue}-{number}", (*HUB, "worker", queue))
        for queue in QUEUES
        for number in range(1, int(settings.option(f"workers.{queue}", 1)) + 1)
    ]


def run_workers(settings: Settings, console: Console) -> int:
    """Run only the workers, for a machine that does nothing else; returns the exit code."""
    fork_server = _fork_server(settings)
    return _supervisor(settings, console, workers(settings), fork_server).run()


def _fork_server(settings: Settings, ours_alone: Sequence[int] = ()) -> ForkServer | None:
    """Fork it now, before anything but these files is open; None where the system cannot."""
    if not forkserver.is_possible():
        return None
    fork_server = ForkServer(hub_settings.child_environment(settings), hub_settings.ROOT)
    fork_server.grow(ours_alone)
    return fork_server


def _supervisor(
    settings: Settings, console: Console, found: list[Child], fork_server: ForkServer | None
) -> Supervisor:
    return Supervisor(
        found,
        home=settings.home,
        environment=hub_settings.child_environment(settings),
        folder=hub_settings.ROOT,
        console=console,
        fork_server=fork_server,
    )


def run(
    settings: Settings,
    console: Console,
    prepare: Callable[[], Callable[[], object]],
    on_ready: Callable[[Supervisor], None],
) -> int:
    """Run the whole hub in the foreground; returns the exit code.

    `prepare` is called once the HUB_HOME and the port are ours; what it returns is called before
    any process starts. `on_ready` is called in a thread when the site answers. ConfigError for a
    taken home or port.
    """
    address_of = (settings.host, settings.port)
    with locked(settings.home) as lock, ports.listen(*address_of) as listener:
        finish = prepare()
        fork_server = _fork_server(settings, (lock, listener.fileno()))
        try:
            finish()
            metrics = hub_settings.metrics_dir(settings)
            shutil.rmtree(metrics, ignore_errors=True)
            metrics.mkdir(parents=True)
            found = children(settings, listener)
            supervisor = _supervisor(settings, console, found, fork_server)
            return supervisor.run(lambda: on_ready(supervisor))
        finally:
            if fork_server is not None:
                fork_server.end()
