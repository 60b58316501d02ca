"""The processes of one hub, as `hub up` and the demo start them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hub import settings as hub_settings
from hub.embedded import ports, redis
from hub.embedded.console import Console
from hub.embedded.home import locked
from hub.embedded.supervisor import Child, Supervisor
from hub.queues import QUEUES
from hub.sdk.errors import HubError
from hub.sdk.http import HttpClient
from hub.settings import Settings

HUB = (sys.executable, "-m", "hub.cli")
GUNICORN_CONFIG = Path(__file__).with_name("gunicorn_conf.py")


def address(settings: Settings) -> str:
    """The site's address for a person on this machine."""
    host = settings.host
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  # compared, not listened on
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def children(settings: Settings) -> list[Child]:
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
    found.append(Child("web", web, ready=partial(_answers, settings)))
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
    return _supervisor(settings, console, workers(settings)).run()


def _supervisor(settings: Settings, console: Console, found: list[Child]) -> Supervisor:
    return Supervisor(
        found,
        home=settings.home,
        environment=hub_settings.child_environment(settings),
        folder=hub_settings.ROOT,
        console=console,
    )


def run(
    settings: Settings,
    console: Console,
    prepare: Callable[[], object],
    on_ready: Callable[[Supervisor], None],
) -> int:
    """Run the whole hub in the foreground; returns the exit code.

    `prepare` is called once the HUB_HOME is ours and the port is free, before any process starts;
    `on_ready` in a thread when the site answers. ConfigError for a taken home or port.
    """
    with locked(settings.home):
        ports.require_free(settings.host, settings.port)
        prepare()
        metrics = hub_settings.metrics_dir(settings)
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)
        supervisor = _supervisor(settings, console, children(settings))
        return supervisor.run(lambda: on_ready(supervisor))


def _answers(settings: Settings) -> bool:
    client = HttpClient(address(settings), timeout=(0.5, 5))
    try:
        return bool(client.request("GET", "/healthz", retry=False).ok)
    except HubError:
        return False
