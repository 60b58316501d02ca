"""Structural changes of a body: JSON, form, XML, or plain bytes. Same random, same result."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from tests.fuzz import hostile

Mutator = Callable[[bytes, Random], bytes]


def mutate_bytes(body: bytes, random: Random) -> bytes:
    """Cut, doubled, overwritten, re-encoded, with hostile bytes planted."""
    place = random.randrange(len(body) + 1)
    end = min(len(body), place + random.choice((1, 1, 2, 8, 64)))
    roll = random.randrange(9)
    if roll == 0:
        return body[:place]
    if roll == 1:
        return body[:place] + body[end:]
    if roll == 2:
        return body[:end] + body[place:end] * random.choice((1, 1, 2, 2, 200)) + body[end:]
    if roll == 3:
        return body[:place] + random.randbytes(end - place) + body[end:]
    if roll == 4:
        return random.choice(hostile.BYTES) + body
    if roll == 5:
        coding = random.choice(("utf-16", "utf-16-be", "cp1251", "utf-8-sig", "utf-32", "utf-7"))
        return body.decode("utf-8", "replace").encode(coding, "replace")
    if roll == 6:
        return random.choice((b"", body * 3, b"null", body[::-1], b" " * 1000 + body))
    return body[:place] + random.choice(hostile.BYTES) + body[random.choice((place, end)) :]


def mutate_json(body: bytes, random: Random) -> bytes:
    """Change nodes of the tree; what is no JSON is changed as bytes."""
    try:
        tree = json.loads(body, parse_float=lambda found: hostile.RAW + found)
    except (ValueError, RecursionError):
        return mutate_bytes(body, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        tree = mutate_tree(tree, random)
    return hostile.write_json(tree, random)


def mutate_tree(tree: Any, random: Random) -> Any:
    """One change somewhere in a tree: a node deleted, doubled, retyped, renamed, swapped, sunk."""
    places = list(_places(tree))
    if not places or random.random() < 0.03:
        return hostile.tree(random)
    holder, key = random.choice(places)
    roll = random.randrange(12)
    value = holder[key]
    if roll < 4:
        holder[key] = hostile.scalar(random)
    elif roll == 4:
        holder[key] = hostile.tree(random)
    elif roll == 5:
        del holder[key]
    elif roll == 6:
        holder[key] = random.choice(([value], [value, value], {"a": value}, str(value)[:999]))
    elif roll == 7:
        holder[key] = hostile.deep(
            random.choice((1, 2, 3, 63, 64, 65, 400)), value, random.random() < 0.5
        )
    elif roll == 8 and isinstance(holder, dict):
        name = random.choice((key.upper(), hostile.text(random)[:200], key + " ", ""))
        holder[name] = holder.pop(key)
    elif roll == 9 and isinstance(holder, dict):
        holder[key + hostile.AGAIN] = hostile.scalar(random)
    elif roll == 10 and isinstance(value, str):
        at = random.randrange(len(value) + 1)
        holder[key] = value[:at] + hostile.text(random) + value[at:]
    elif roll == 11 and isinstance(value, str | int) and not isinstance(value, bool):
        holder[key] = int(value) if str(value).isdecimal() and len(str(value)) < 400 else str(value)
    else:
        other, name = random.choice(places)
        holder[key], other[name] = other[name], value
        if _is_round(tree):
            holder[key] = None
    return tree


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    found: list[tuple[Any, Any]] = []
    left = [tree]
    while left and len(found) < 5000:
        node = left.pop()
        if isinstance(node, dict):
            keys: Any = list(node)
        elif isinstance(node, list):
            keys = range(len(node))
        else:
            continue
        for key in keys:
            found.append((node, key))
            left.append(node[key])
    return found


def _is_round(tree: Any) -> bool:
    """Whether a swap put a container into itself."""
    try:
        json.dumps(tree)
    except (ValueError, RecursionError):
        return True
    return False


def mutate_form(body: bytes, random: Random) -> bytes:
    """Change the fields of a urlencoded form, JSON inside a field as JSON."""
    pieces = body.split(b"&")
    for _ in range(random.choice((1, 1, 2, 4))):
        if not pieces:
            break
        place = random.randrange(len(pieces))
        name, _, value = pieces[place].partition(b"=")
        roll = random.randrange(9)
        raw = unquote_to_bytes(value.replace(b"+", b" "))
        if roll == 0:
            del pieces[place]
        elif roll == 1:
            pieces.insert(random.randrange(len(pieces) + 1), pieces[place])
        elif roll == 2:
            hard = hostile.text(random).encode("utf-8", "surrogatepass")
            pieces[place] = name + b"=" + quote_from_bytes(hard).encode()
        elif roll == 3:
            tail = random.choice((b"[]", b"[0]", b"[a][b]", b"[" * 70, b"[]" * 70, b"[999999]"))
            pieces[place] = name + tail + b"=" + value
        elif roll == 4:
            pieces[place] = mutate_bytes(pieces[place], random)
        elif roll == 5 and random.random() < 0.02:
            pieces.extend([pieces[place]] * random.choice((10, 10, 5001)))
        elif raw[:1] in b"{[":
            changed = mutate_json(raw, random)
            pieces[place] = name + b"=" + quote_from_bytes(changed).encode()
        else:
            pieces[place] = name + b"=" + quote_from_bytes(mutate_bytes(raw, random)).encode()
    return b"&".join(pieces)


def mutate_body(body: bytes, random: Random) -> bytes:
    """Change a body by its own structure, guessed from its first bytes; at times as bytes."""
    if random.random() < 0.12:
        return mutate_bytes(body, random)
    start = body.lstrip()[:1]
    if start in (b"{", b"["):
        return mutate_json(body, random)
    if start == b"<":
        from tests.fuzz.markup import mutate_xml

        return mutate_xml(body, random)
    if body.startswith(b"--") or b"\nContent-Type:" in body or b"\nSubject:" in body:
        from tests.fuzz.markup import mutate_mime

        return mutate_mime(body, random)
    return mutate_form(body, random) if b"=" in body else mutate_bytes(body, random)
