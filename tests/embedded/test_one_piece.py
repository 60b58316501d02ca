"""Answers in one piece: each send is one packet of a socket that keeps their boundaries."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.embedded.one_piece import OnePiece

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[OnePiece, socket.socket]]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with near, far:
        far.settimeout(5)
        yield OnePiece(near), far


def test_a_head_goes_with_what_follows_it(ends: tuple[OnePiece, socket.socket]) -> None:
    sock, far = ends
    for piece in (HEAD, b"body", b"more", HEAD, b"next"):
        sock.sendall(piece)
    assert [far.recv(100) for _ in range(3)] == [HEAD + b"body", b"more", HEAD + b"next"]


def test_a_head_alone_goes_at_the_end_once(ends: tuple[OnePiece, socket.socket]) -> None:
    sock, far = ends
    sock.sendall(HEAD)
    sock.flush()
    sock.flush()
    sock.sendall(b"later")
    assert [far.recv(100), far.recv(100)] == [HEAD, b"later"]


def test_a_file_goes_after_its_head(tmp_path: Path) -> None:
    near, far = socket.socketpair()
    path = tmp_path / "file"
    path.write_bytes(b"a file's bytes")
    with near, far, path.open("rb") as file:
        sock = OnePiece(near)
        sock.sendall(HEAD)
        assert sock.sendfile(file) == 14
        near.close()
        said = b""
        while piece := far.recv(100):
            said += piece
    assert said == HEAD + b"a file's bytes"


def test_the_rest_is_the_sockets_own(ends: tuple[OnePiece, socket.socket]) -> None:
    sock, far = ends
    far.sendall(b"asked")
    assert sock.recv(100) == b"asked"
    assert (sock.family, sock.fileno() >= 0) == (socket.AF_UNIX, True)
