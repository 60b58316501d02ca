"""Two hub nodes on one PostgreSQL and one Redis, each machine with an address of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from hub.settings import Settings
from hub.store.store import Store
from tests.cluster.network import SWITCH, Network, Node, network
from tests.support.hub import Hub
from tests.support.own_postgres import OwnPostgres, own_postgres
from tests.support.running import OwnRedis, RunningHub

KEY = "one key for every node"


@dataclass
class Cluster:
    """The servers, the nodes, and the store as the test sees it."""

    postgres: OwnPostgres
    redis: OwnRedis
    store: Hub
    places: list[Node]
    folder: Path
    nodes: list[RunningHub] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        """The gateways' addresses of the connection «site»."""
        return [f"{node.url}/in/site" for node in self.nodes]

    def restart(self, number: int) -> None:
        """Start a node that ended, at its old address, and wait until it is up."""
        port = self.nodes[number].port
        self.start(number, port).await_up()

    def start(self, number: int, port: int | None = None) -> RunningHub:
        """Start the hub on a node."""
        place = self.places[number]
        node = RunningHub(
            self.folder / place.name,
            within=place.within,
            host=place.address,
            port=port,
            DATABASE_URL=self.postgres.url,
            REDIS_URL=self.redis.url,
            HUB_SECRET_KEY=KEY,
        )
        if number < len(self.nodes):
            self.nodes[number] = node
        else:
            self.nodes.append(node)
        return node


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    if os.geteuid() != 0:
        pytest.skip(SWITCH)  # no one else may make a network; for root a missing `ip` fails
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def shared_postgres(net: Network) -> Iterator[OwnPostgres]:
    with own_postgres(net.address) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(net: Network, shared_postgres: OwnPostgres) -> Iterator[Cluster]:
    """Two nodes that are up, with one site."""
    folder = Path(mkdtemp(prefix="uzel-c-"))
    redis = OwnRedis(folder, net.address)
    redis.start()
    settings = Settings(home=folder, database_url=shared_postgres.url, secret_key=KEY)
    store = Hub(Store.open(settings, migrate=True))
    store.site()
    made = Cluster(shared_postgres, redis, store, [net.add(11), net.add(12)], folder)
    try:
        for number in (0, 1):
            made.start(number)
        for node in made.nodes:
            node.await_up()
        yield made
    finally:
        for node in made.nodes:
            node.stop()
        redis.kill()
        store.store.database.dispose()
        rmtree(folder, ignore_errors=True)
