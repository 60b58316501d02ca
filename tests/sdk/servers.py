"""Servers on real sockets that misbehave, byte by byte."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Talk = Callable[[socket.socket], None]


@contextmanager
def server(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A TCP server on loopback that talks to each caller in a thread; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(caller: socket.socket) -> None:
        with suppress(OSError):
            if context is not None:
                caller = context.wrap_socket(caller, server_side=True)
            talk(caller)
        caller.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                threading.Thread(target=answer, args=(caller,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        # Wakes the thread that waits in accept.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def request_of(caller: socket.socket) -> bytes:
    """The head of the next request, empty when the caller has gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = caller.recv(4096)
        if not piece:
            return b""
        head += piece
    return head


def answering(reply: bytes) -> Talk:
    """Answers every request of a caller with the same bytes."""

    def talk(caller: socket.socket) -> None:
        while request_of(caller):
            caller.sendall(reply)

    return talk


def dripping(start: bytes, drop: bytes, stop: threading.Event) -> Talk:
    """Says something and then drips until the caller hangs up or the test ends."""

    def talk(caller: socket.socket) -> None:
        request_of(caller)
        caller.sendall(start)
        while not stop.wait(0.02):
            caller.sendall(drop)

    return talk


def silent(stop: threading.Event) -> Talk:
    """Takes the request and says nothing."""

    def talk(caller: socket.socket) -> None:
        request_of(caller)
        stop.wait(30)

    return talk


def http(status: str, body: bytes, *headers: str) -> bytes:
    """A reply with its length told."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for this name, and the file that makes a client trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, key_path = folder / "cert.pem", folder / "key.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return context, path
