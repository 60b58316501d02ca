"""Machines of their own on one machine: network namespaces behind a bridge.

The test stands on the bridge, with PostgreSQL and Redis; each node has an address, a host name and
a cable of its own that can be pulled out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH = (
    "tests of several machines need root (CAP_NET_ADMIN) and iproute2's `ip` on Linux; where they "
    "cannot be had, leave them out by name: make test PYTEST_ARGS=\"-m 'not cluster'\""
)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()} – {SWITCH}"


class Network:
    """A bridge and the nodes on it."""

    def __init__(self, number: int) -> None:
        assert shutil.which("ip"), SWITCH
        self._tag = f"uz{number}"
        self._subnet = f"10.{200 + number // 250}.{number % 250}"
        self._nodes: list[str] = []
        self.address = f"{self._subnet}.1"
        _run("ip", "link", "add", self._tag, "type", "bridge")
        _run("ip", "address", "add", f"{self.address}/24", "dev", self._tag)
        _run("ip", "link", "set", self._tag, "up")

    def add(self, place: int) -> Node:
        """A node with the address of this place, 2 to 250."""
        node = Node(f"{self._tag}n{place}", self._tag, f"{self._subnet}.{place}")
        self._nodes.append(node.name)
        node.make()
        return node

    def remove(self) -> None:
        """Take everything down."""
        for name in self._nodes:
            _run("ip", "netns", "delete", name)
        _run("ip", "link", "delete", self._tag)


class Node:
    """One machine of the network."""

    def __init__(self, name: str, bridge: str, address: str) -> None:
        self.name, self.address, self._bridge = name, address, bridge

    def make(self) -> None:
        """Plug it in."""
        cable, inner = f"{self.name}c", f"{self.name}i"
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", cable, "type", "veth", "peer", "name", inner)
        _run("ip", "link", "set", cable, "master", self._bridge, "up")
        _run("ip", "link", "set", inner, "netns", self.name)
        inside = ("ip", "-n", self.name)
        _run(*inside, "address", "add", f"{self.address}/24", "dev", inner)
        _run(*inside, "link", "set", inner, "up")
        _run(*inside, "link", "set", "lo", "up")

    @property
    def within(self) -> tuple[str, ...]:
        """What to put before a command so that it runs on this node, under the node's name."""
        naming = 'hostname "$0"; exec "$@"'
        return ("ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c", naming, self.name)

    def cut(self) -> None:
        """Pull the cable out: nothing answers, nothing is refused."""
        _run("ip", "link", "set", f"{self.name}c", "down")

    def mend(self) -> None:
        """Plug it in again."""
        _run("ip", "link", "set", f"{self.name}c", "up")


@contextmanager
def network() -> Iterator[Network]:
    """A network of this process, gone at the end."""
    made = Network(os.getpid() % 10_000)
    try:
        yield made
    finally:
        made.remove()
