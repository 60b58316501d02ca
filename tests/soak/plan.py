"""What goes wrong and when: a plan that the seed alone decides."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Processes that are killed, and how often among a hundred.
VICTIMS: Mapping[str, int] = {
    "web worker": 20,
    "web": 6,
    "worker live": 28,
    "worker deliver": 14,
    "worker bulk": 14,
    "scheduler": 6,
    "redis": 6,
    "fork server": 2,
    "hub": 1,
}
OF_POSTGRES: Mapping[str, int] = {"backend": 20, "postmaster": 4}
#: Other faults, one to every so many kills. The disk and the clock are the hub's whole world.
OTHERS: Mapping[str, int] = {
    "redis flushed": 9,
    "redis restarted": 25,
    "paused past its lease": 12,
    "vendors ill": 8,
    "clock jumped": 30,
    "disk full": 45,
}
OTHERS_OF_POSTGRES: Mapping[str, int] = {"postgresql stopped": 30}
LONGEST_GAP_SECONDS = 1.0


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, `gap` seconds after the one before; `luck` chooses details."""

    kind: str
    gap: float
    luck: float
    is_kill: bool = False


def plan(seed: int, kills: int, *, postgres: bool) -> list[Fault]:
    """So many kills with other faults between them; every kind of fault at least once."""
    chance = random.Random(f"plan {seed} {postgres}")  # noqa: S311  # luck, not a secret
    victims = {**VICTIMS, **(OF_POSTGRES if postgres else {})}
    others = {**OTHERS, **(OTHERS_OF_POSTGRES if postgres else {})}
    found: list[tuple[float, Fault]] = []
    for place, victim in enumerate(_drawn(chance, victims, kills)):
        found.append((place, _fault(chance, victim, is_kill=True)))
    for kind, every in others.items():
        for _ in range(max(1, kills // every)):
            found.append((chance.uniform(0.1, 0.9) * kills, _fault(chance, kind)))
    return [fault for _, fault in sorted(found, key=lambda pair: pair[0])]


def _drawn(chance: random.Random, weights: Mapping[str, int], count: int) -> Sequence[str]:
    """Each kind once while there is room for it, the rest by weight, shuffled."""
    names = list(weights)
    drawn = chance.sample(names, len(names))[:count]
    drawn += chance.choices(names, weights=list(weights.values()), k=count - len(drawn))
    chance.shuffle(drawn)
    return drawn


def _fault(chance: random.Random, kind: str, *, is_kill: bool = False) -> Fault:
    return Fault(kind, chance.uniform(0.1, LONGEST_GAP_SECONDS), chance.random(), is_kill)
