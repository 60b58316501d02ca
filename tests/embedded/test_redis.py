"""The embedded Redis: found, started, cleared away; a hub with REDIS_URL needs none."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.embedded import processes, redis
from hub.queues import Queues
from hub.sdk.errors import ConfigError
from hub.settings import Settings
from tests.support.waiting import wait_until


@pytest.fixture
def home_settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def server(home_settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(redis.command(home_settings), stdout=subprocess.DEVNULL)
    wait_until(lambda: redis.is_up(home_settings), 10, "the server's start")
    yield process
    process.kill()
    process.wait()


def fake(folder: Path, name: str, banner: str) -> Path:
    """A program that prints this version."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{banner}'\n")
    path.chmod(0o755)
    return path


def test_serves_the_queues_of_its_hub(
    home_settings: Settings, server: subprocess.Popen[bytes]
) -> None:
    queues = Queues(home_settings.queue_url)
    assert queues.is_up()
    assert queues.ring(1)
    assert queues.queue("live").count == 1
    assert server.poll() is None


def test_only_the_owner_may_connect(
    home_settings: Settings, server: subprocess.Popen[bytes]
) -> None:
    assert home_settings.redis_socket.stat().st_mode & 0o077 == 0
    assert server.poll() is None


def test_keeps_its_jobs_over_a_restart(
    home_settings: Settings, server: subprocess.Popen[bytes]
) -> None:
    Queues(home_settings.queue_url).ring(1)
    server.terminate()
    server.wait(10)
    again = subprocess.Popen(redis.command(home_settings), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: redis.is_up(home_settings), 10, "the second start")
        assert Queues(home_settings.queue_url).queue("live").count == 1
    finally:
        again.kill()
        again.wait()


def test_a_server_left_behind_is_ended(
    home_settings: Settings, server: subprocess.Popen[bytes]
) -> None:
    redis.clear_way(home_settings)
    server.wait(10)
    assert not home_settings.redis_socket.exists()


def test_a_stale_socket_is_dropped(
    home_settings: Settings, server: subprocess.Popen[bytes]
) -> None:
    server.kill()
    server.wait(10)
    assert home_settings.redis_socket.exists()
    assert not redis.is_up(home_settings)
    redis.clear_way(home_settings)
    assert not home_settings.redis_socket.exists()


def test_a_long_home_gets_a_short_socket(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / ("deep" * 30))
    settings.home.mkdir()
    process = subprocess.Popen(redis.command(settings), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: redis.is_up(settings), 10, "the server's start")
    finally:
        process.kill()
        process.wait()
        redis.clear_way(settings)


def test_an_old_server_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = fake(tmp_path, "redis-server", "Redis server v=5.0.14 sha=0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert redis.version_of(old) == (5, 0)
    assert redis.find_binary() != old


def test_the_system_comes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = fake(tmp_path, "valkey-server", "Valkey server v=8.1.0 sha=0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    assert redis.find_binary() == own


def test_without_any_server_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "_candidates", lambda: iter([Path("/no/such/redis-server")]))
    with pytest.raises(ConfigError, match=r"REDIS_URL.*apt install"):
        redis.find_binary()


def test_redis_url_needs_no_server(
    home_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = socket.socket()
    assert processes.children(home_settings, listener)[0].name == "redis"
    monkeypatch.setattr(redis, "_candidates", lambda: iter([]))
    far = replace(home_settings, redis_url="redis://queue.example:6379/0")
    names = [child.name for child in processes.children(far, listener)]
    assert names == ["web", "worker-live-1", "worker-deliver-1", "worker-bulk-1", "scheduler"]
    listener.close()


def test_hub_yml_says_how_many_workers(home_settings: Settings) -> None:
    settings = replace(home_settings, file={"workers": {"live": 2, "deliver": 0}})
    names = [child.name for child in processes.workers(settings)]
    assert names == ["worker-live-1", "worker-live-2", "worker-bulk-1"]
