"""gunicorn alone, as the Procfile starts it: a gateway without workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from hub.settings import Settings
from tests.support.running import FOREIGN, free_port
from tests.support.waiting import wait_until

HUB_CONFIG = Path("hub/embedded/gunicorn_conf.py")
START_SECONDS = 60


@contextmanager
def gunicorn(*arguments: str, port: int, log: Path, **environment: str) -> Iterator[None]:
    """A gunicorn that answers on this port, gone at the end."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**kept, **environment},
        )
    try:
        wait_until(lambda: _answers(process, port, log), START_SECONDS, "the start of gunicorn")
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _answers(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-2000:]
    try:
        return bool(requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code)
    except requests.RequestException:
        return False


@contextmanager
def gateway(settings: Settings, log: Path) -> Iterator[int]:
    """The hub's own gunicorn on a migrated store; gives its port."""
    port = free_port()
    environment = {
        "HUB_HOME": str(settings.home),
        "HUB_PORT": str(port),
        "HUB_SECRET_KEY": settings.secret_key,
        "REDIS_URL": settings.redis_url,
        "DATABASE_URL": settings.database_url,
        "PROMETHEUS_MULTIPROC_DIR": str(settings.home / "metrics"),
    }
    (settings.home / "metrics").mkdir(parents=True, exist_ok=True)
    given = {name: value for name, value in environment.items() if value}
    with gunicorn("-c", str(HUB_CONFIG), "hub.app:serve()", port=port, log=log, **given):
        yield port
