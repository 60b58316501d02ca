"""The load of the accept's benchmark: distinct signed requests of 1.5 KB, sent by wrk."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from connectors.standard_webhook.emulator import SECRET

SCRIPT = Path(__file__).with_name("signed.lua")
BODY_BYTES = 1_500
REQUESTS = 600_000


@dataclass(frozen=True)
class Result:
    """One run of the load: `ok` is how many got a 2xx."""

    requests: int
    refused: int
    broken: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def ok(self) -> int:
        return self.requests - self.refused

    @property
    def per_second(self) -> float:
        return self.ok / self.seconds


class Load:
    """Signs its requests beforehand, so that the client's own work is small and the same for all.

    No two requests of one Load are the same.
    """

    def __init__(self, folder: Path) -> None:
        self._body, self._signatures = folder / "body", folder / "signatures"
        self._next = 0
        lead = {
            "id": "L-1",
            "subject": "Расчёт кухни",
            "name": "Мария Лескова",
            "phone": "+7 916 000-51-01",
            "email": "leskova@example.ru",
            "utm": {"source": "yandex", "medium": "cpc", "campaign": "kitchens"},
            "comment": "",
        }
        text = {"id": "#", "type": "lead", "lead": lead}
        size = len(json.dumps(text, ensure_ascii=False).encode()) + 8
        lead["comment"] = "Кухня угловая. " * ((BODY_BYTES - size) // 27)
        raw = json.dumps(text, ensure_ascii=False).encode()
        head, _, tail = raw.partition(b"#")
        self.body_bytes = len(head) + 9 + len(tail)
        self._body.write_bytes(head + b"\n" + tail + b"\n")
        with self._signatures.open("wb") as file:
            for number in range(REQUESTS):
                body = head + b"%09d" % number + tail
                digest = hmac.digest(SECRET.encode(), body, hashlib.sha256)
                file.write(digest.hex().encode())

    @property
    def client(self) -> str:
        """What sends."""
        return "wrk" if shutil.which("wrk") else "our own client, which limits: install wrk"

    def run(self, port: int, path: str, seconds: float, connections: int) -> Result:
        """Send for so long over so many connections, each sending its next request at once."""
        place = str(self._next)
        if wrk := shutil.which("wrk"):
            options = ["-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s"]
            command = [wrk, *options, "-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--"]
            command += [path, str(self._signatures), place, str(self._body)]
        else:
            command = [sys.executable, "-m", "tests.bench.plain_sender", "127.0.0.1", str(port)]
            command += [str(seconds), str(connections), path, str(self._signatures), place]
            command += [str(self._body)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = Result(**json.loads(done.stdout.strip().splitlines()[-1]))
        # What was under way at the end has used its number too.
        self._next += found.requests + found.broken + 2 * connections
        assert self._next < REQUESTS, "the load has run out of signed requests"
        return found
