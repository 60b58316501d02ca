"""gunicorn's settings, for `hub up` and the Procfile alike: `gunicorn -c this 'hub.app:serve()'`.

Several gunicorns behind a balancer need no more than this file.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from prometheus_client import multiprocess

from hub import settings as hub_settings
from hub.embedded.launch import die_with_parent
from hub.memory import settle_memory

_settings = hub_settings.load()
_metrics = hub_settings.metrics_dir(_settings)

_listener = hub_settings.handed_over("HUB_LISTEN_FD")
_ready = hub_settings.handed_over("HUB_READY_FD")

if _listener is not None:
    #: `hub up` holds the port: while its servers are replaced, senders wait instead of failing.
    bind = f"fd://{_listener}"
elif ":" in _settings.host:
    bind = f"[{_settings.host}]:{_settings.port}"
else:
    bind = f"{_settings.host}:{_settings.port}"
worker_class = "hub.embedded.http_worker.StayingWorker"
workers = int(_settings.option("gateway.processes", 2))
threads = int(_settings.option("gateway.threads", 32))
#: Seconds a worker may give no sign of life.
timeout = 60
graceful_timeout = 8
keepalive = 15
#: An application per worker: database connections and locks are not shared across a fork.
preload_app = False
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # gunicorn's heartbeat files, opened unlinked
#: Its default place is the home folder, where two hubs would meet.
control_socket_disable = True
proc_name = "uzel-web"
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_metrics}"]


def on_starting(server: Any) -> None:
    """Forget the counters of processes that are gone."""
    _metrics.mkdir(parents=True, exist_ok=True)
    for path in _metrics.glob("*.db"):
        pid = path.stem.rpartition("_")[2]
        if not Path("/proc", pid).exists():
            path.unlink(missing_ok=True)


def post_fork(server: Any, worker: Any) -> None:
    """A worker must let the port go when the master is killed."""
    die_with_parent(os.getppid())


def post_worker_init(worker: Any) -> None:
    """Tell `hub up` that requests are answered now."""
    settle_memory()
    if _ready is not None:
        with suppress(OSError):  # it listens only to the first
            os.write(_ready, b".")


def child_exit(server: Any, worker: Any) -> None:
    """Keep a dead worker's counters, drop its gauges."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library leaves it untyped
