"""A taken HUB_HOME or port is named, with whoever has it."""

from __future__ import annotations

import errno
import os
import select
import socket
import sys
from pathlib import Path

import pytest

from hub.embedded import home, ports
from hub.sdk.errors import ConfigError
from tests.embedded.conftest import free_port


def test_a_home_is_held_once(tmp_path: Path) -> None:
    with home.locked(tmp_path):
        assert home.is_running(tmp_path)
        with pytest.raises(ConfigError, match=str(os.getpid())), home.locked(tmp_path):
            pass
    assert not home.is_running(tmp_path)
    with home.locked(tmp_path):
        assert home.is_running(tmp_path)


def test_a_home_that_never_ran_does_not_run(tmp_path: Path) -> None:
    assert not home.is_running(tmp_path)


def test_a_free_port_is_fine() -> None:
    port = free_port()
    with ports.listen("127.0.0.1", port) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)


def test_a_taken_port_names_who_has_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            ports.listen("127.0.0.1", port, patience=0)
    assert f"порт {port} на 127.0.0.1 занят процессом {os.getpid()}" in caught.value.message
    assert "HUB_PORT" in caught.value.message


def test_a_port_about_to_be_free_is_waited_for() -> None:
    import threading

    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    with pytest.raises(ConfigError):
        ports.listen("127.0.0.1", port, patience=0)
    timer = threading.Timer(0.3, taken.close)
    timer.start()
    ports.listen("127.0.0.1", port, patience=10).close()
    timer.join()


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(ConfigError, match="HUB_HOST"):
        ports.listen("no-such-host.invalid", 8000)


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")
def test_a_closing_port_serves_who_has_connected_and_refuses_the_others() -> None:
    listener = ports.listen("127.0.0.1", free_port())
    address = listener.getsockname()
    ours = listener.dup()
    with socket.create_connection(address) as early:
        early.sendall(b"hello")
        ports.turn_away(listener)
        with socket.socket() as late:
            late.settimeout(0.2)
            # Its first packet is dropped: neither connected nor broken.
            with pytest.raises(TimeoutError):
                late.connect(address)
            accepted, _ = ours.accept()
            assert accepted.recv(5) == b"hello"
            ours.close()
            select.select([], [late], [], 10)
            assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        accepted.close()


def test_a_grown_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "MAX_LOG_BYTES", 10)
    path = home.log_file(tmp_path, "web")
    path.write_text("a line\n" * 3)
    assert home.log_file(tmp_path, "web") == path
    assert not path.exists()
    assert home.tail(path.with_suffix(".log.1"), 2) == "a line\na line"
