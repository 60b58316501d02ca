"""`make bench-peers PEERS="uzel flask-rq celery"`: measure these (all that can be had by default).

A peer that cannot be had here is named with the reason. Results of earlier runs are kept in
var/bench/peers.json and shown beside with their time; what is measured anew takes their place.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from tests.bench.machine import machine
from tests.bench.peers import measure, servers, table
from tests.bench.peers.place import ROOT, Peer, Unavailable
from tests.bench.peers.processes import busy_percent
from tests.bench.tables import aligned, markdown

#: Name → folder. The order is the table's.
PEERS = {
    "uzel": "uzel",
    "flask-rq": "flask_rq",
    "celery": "celery",
    "huey": "huey",
    "procrastinate": "procrastinate",
    "node-red": "node_red",
    "n8n": "n8n",
}
#: A machine with nothing else to do is below this.
QUIET_PERCENT = 15.0
RESULTS = ROOT / "var" / "bench" / "peers.json"


def main() -> int:
    """Measure, print, keep; 1 when a peer that is there could not be measured."""
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(PEERS))
    named = parser.parse_args().peers
    if unknown := [name for name in named if name not in PEERS]:
        parser.error(f"no such peer: {', '.join(unknown)}; known: {', '.join(PEERS)}")
    results = _kept()
    broken = False
    with ExitStack() as stack:
        shared = _Shared(stack)
        for name in named or PEERS:
            peer = import_module(f"tests.bench.peers.{PEERS[name]}.peer").PEER
            print(f"\n== {peer.title}: {peer.note}", flush=True)
            try:
                if peer.on_request and not named:
                    raise Unavailable(f"{peer.on_request}: make bench-peers PEERS={name}")
                results["peers"][name] = _measured(peer, shared)
                results["skipped"].pop(name, None)
            except Unavailable as error:
                results["skipped"][name] = str(error)
                print(f"!! {peer.title} is SKIPPED: {error}", flush=True)
            except Exception as error:
                traceback.print_exc()
                broken = True
                results["skipped"][name] = f"{type(error).__name__}: {error}"[:300]
            _keep(results)
    _show(results)
    return int(broken)


class _Shared:
    """Redis and PostgreSQL, started when the first peer asks."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self._urls = stack, dict[str, str]()

    def url(self, peer: Peer, server: str) -> str:
        """The address of a server; empty when the peer needs none."""
        if server not in peer.needs:
            return ""
        if server not in self._urls:
            self._urls[server] = self._stack.enter_context(getattr(servers, server)())
        return self._urls[server]


def _measured(peer: Peer, shared: _Shared) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": peer.title,
        "note": peer.note,
        "keeps": peer.keeps,
        "version": peer.install(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "busy_before_percent": busy_percent(),
    }
    places = (shared.url(peer, "redis"), shared.url(peer, "postgres"))
    for step in (measure.speed, measure.kill):
        started = time.monotonic()
        values = step(peer, *places)
        for what, value in values.items():
            print(f"   {what:<22} {value:,.1f}" if isinstance(value, float) else
                  f"   {what:<22} {value}")  # fmt: skip
        print(f"   ({step.__name__}: {time.monotonic() - started:.0f} s)", flush=True)
        found |= values
    return found


def _kept() -> dict[str, Any]:
    found: dict[str, Any] = {"peers": {}, "skipped": {}}
    if RESULTS.exists():
        found |= json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def _keep(results: dict[str, Any]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    results["machine"] = machine()
    text = json.dumps(results, indent=1, ensure_ascii=False)
    beside = RESULTS.with_suffix(f".{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(RESULTS)


def _show(results: dict[str, Any]) -> None:
    measured = [results["peers"][name] for name in PEERS if name in results["peers"]]
    rows = [table.HEADINGS, *(table.row(found) for found in measured)]
    about = ", ".join(f"{what} {value}" for what, value in results["machine"].items())
    print(f"\n{about}\n\n{aligned(rows, table.WORDS)}\n")
    print(f"Markdown:\n\n{markdown(rows, table.WORDS)}\n")
    for found in measured:
        print(
            f"{found['title']}: {found['note']}; measured {found['at']},"
            f" a synced write {found['disk_sync_ms']:.2f} ms,"
            f" processors {found['busy_before_percent']:.0f} % busy before"
        )
    if any(found["busy_before_percent"] > QUIET_PERCENT for found in measured):
        print("!! something else was running: compare nothing here with a quiet machine's figures")
    for name, reason in results["skipped"].items():
        print(f"!! {name} SKIPPED: {reason}")
    print(f"\nJSON: {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
