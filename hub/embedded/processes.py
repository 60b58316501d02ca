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
    hub = (sys.executable, "-m", "hub.cli")
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
    for queue in QUEUES:
        for number in range(1, int(settings.option(f"workers.{queue}", 1)) + 1):
            found.append(Child(f"worker-{queue}-{number}", (*hub, "worker", queue)))
    found.append(Child("scheduler", (*hub, "scheduler")))
    return found


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
        supervisor = Supervisor(
            children(settings),
            home=settings.home,
            environment=hub_settings.child_environment(settings),
            folder=hub_settings.ROOT,
            console=console,
        )
        return supervisor.run(lambda: on_ready(supervisor))


def _answers(settings: Settings) -> bool:
    client = HttpClient(address(settings), timeout=(0.5, 5))
    try:
        return bool(client.request("GET", "/healthz", retry=False).ok)
    except HubError:
        return False
