"""A receiver of webhooks on a free port: remembers what came, answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Got:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The words of the message, for people."""
        found = json.loads(self.body)
        said: str = found["text"] if "text" in found else found["data"]["text"]
        return said


@dataclass
class Hooks:
    """What the receiver heard; `answers` are statuses to give instead of 200, one a request."""

    url: str = ""
    requests: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def hooks() -> Iterator[Hooks]:
    """A receiver that runs for the length of the block."""
    found = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.requests.append(Got(self.path, headers, body))
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()
