"""Any data through every mapping, and any text as a mapping or a connection file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from hub.commands import connection_files
from hub.mapping.compiler import compile_mapping
from hub.mapping.loader import MAPPINGS, load_file, load_shipped
from hub.mapping.model import MappingConfigError, MappingDocument, MappingError
from hub.registry import CONNECTORS
from hub.sdk.entities import ENTITIES
from hub.sdk.errors import ConfigError
from hub.sdk.records import SourceRecord
from tests.fuzz import hostile
from tests.fuzz.mutate import mutate_bytes, mutate_json
from tests.fuzz.storable import check_storable
from tests.fuzz.target import Finding, Run, Target, lines_after
from tests.mapping.test_any_data import CONTEXT, EVERY_KIND, EVERY_TRANSFORM

YAML_PIECES = [
    b"!!python/object/apply:os.system ['x']\n",
    b"&a [*a]\n",
    b"*nope\n",
    b"? [a, b]\n: c\n",
    b"<<: {a: 1}\n",
    b"- \n- :\n",
    b"{",
    b"]",
    b"\t",
    b": : :",
    b"|\n",
    b"'",
    b"---\n",
    b"%YAML 9.9\n---\n",
    b"0x" + b"f" * 300,
    b"2026-99-99",
    b".inf",
    b".nan",
    b"~",
    b"no",
    b"1e999",
    b"0o17",
    b"12:30:45",
    b"!!binary x\n",
    b"!!set {a}\n",
    b"!!timestamp 9999-12-31T23:59:59-23:00\n",
]
WORDS = [
    *(b"from as default choices otherwise each fields only required when const entity".split()),
    *(b"external_id version occurred_at contact company money time phone lookup join".split()),
    *(b"connector settings secrets schedule mappings destinations every 5m cron lines".split()),
]


def targets() -> list[Target]:
    """Rows of data, mapping files, connection files."""
    return [
        Target("mapping:rows", _open_rows, 8),
        Target("mapping:file", _open_mapping_files, 1.5),
        Target("connection:file", _open_connection_files, 1.5),
    ]


@cache
def _documents() -> dict[str, MappingDocument]:
    found = {"every-transform": EVERY_TRANSFORM}
    found |= {f"every-kind-{number}": one for number, one in enumerate(EVERY_KIND)}
    for folder in sorted(MAPPINGS.iterdir()):
        for name, document in load_shipped(folder.name).items():
            found[f"{folder.name}/{name}"] = document
    return found


def _samples() -> Iterator[tuple[str, Any]]:
    """(connector/entity, data) of every record in the connectors' golden files."""
    for path in sorted(CONNECTORS.glob("*/fixtures/*.expected.json")):
        golden = json.loads(path.read_text(encoding="utf-8"))
        pages = golden if isinstance(golden, list) else [golden]
        for page in pages:
            for record in page.get("records") or () if isinstance(page, dict) else ():
                yield f"{path.parent.parent.name}/{record['entity']}", record["data"]


def _open_rows() -> Run:
    known = _documents()
    general = {"a": 1, "b": "2", "x": "+79160000000", "items": [{"a": 1, "b": "2", "sku": "x"}]}
    seeds = [
        name.encode() + b"\n" + json.dumps(data).encode()
        for name, data in _samples()
        if name in known
    ]
    seeds += [
        name.encode() + b"\n" + json.dumps(general).encode()
        for name in known
        if name.startswith("every")
    ]
    return Run(seeds, _row_change, check_row)


def _row_change(blob: bytes, random: Random) -> bytes:
    name, data = lines_after(blob)
    return name + b"\n" + mutate_json(data, random)


def check_row(blob: bytes) -> None:
    """Mapped data has the declared types, or is refused with MappingError."""
    first, data = lines_after(blob)
    document = _documents().get(first.decode("latin-1"))
    tree = _tree(data)
    if document is None or not isinstance(tree, dict):
        return
    source = SourceRecord(document.entity, "1", tree)
    try:
        record = compile_mapping(document).apply(source, CONTEXT)
    except MappingError as error:
        error.message.encode()
        if len(error.message) > 2000:
            raise Finding("an error of a whole page", error.message[:200]) from error
    else:
        check_storable(record)


def _tree(data: bytes) -> Any:
    """What a connector would hand over: JSON as the hub reads it, else as Python does."""
    from hub.sdk.errors import PayloadError
    from hub.sdk.payload import load_json

    try:
        return load_json(data)
    except PayloadError:
        return None


def _yaml_change(text: bytes, random: Random) -> bytes:
    for _ in range(random.choice((1, 1, 2, 4))):
        lines = text.split(b"\n")
        at = random.randrange(len(lines))
        key, colon, _ = lines[at].partition(b":")
        roll = random.randrange(10)
        hard = hostile.text(random).encode("utf-8", "surrogatepass")
        if roll == 0:
            del lines[at]
        elif roll == 1:
            lines.insert(random.randrange(len(lines) + 1), lines[at])
        elif roll == 2:
            lines[at] = key + b": " + hard
        elif roll == 3:
            lines[at] = key + b": " + random.choice(YAML_PIECES)
        elif roll == 4:
            lines.insert(at, random.choice(YAML_PIECES))
        elif roll == 5:
            lines[at] = random.choice((b"  ", b"\t", b"-", b"- ")) + lines[at]
        elif roll == 6:
            words = lines[at].split(b" ")
            words[random.randrange(len(words))] = random.choice(WORDS)
            lines[at] = b" ".join(words)
        elif roll == 7:
            deep = random.choice((b"[", b"{a: ")) * random.choice((5, 200))
            lines[at] = key + b": " + deep
        elif roll == 8:
            tree = hostile.tree(random)
            lines[at] = key + colon + b" " + hostile.write_json(tree, random)
        else:
            return mutate_bytes(b"\n".join(lines), random)
        text = b"\n".join(lines)
    return text


class Files:
    """A folder where each input becomes a file of its own name."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="uzel-fuzz-")
        self.number = 0

    def write(self, name: str, text: bytes) -> Path:
        """The text as a file; the number makes it a new one for caches."""
        self.number += 1
        path = Path(self.folder.name) / name
        path.write_bytes(text)
        return path

    def check_mapping(self, blob: bytes) -> None:
        """A mapping file loads and runs, or its errors have a place, and a line where broken."""
        first, text = lines_after(blob)
        entity = first.decode("latin-1")
        path = self.write(f"{entity if entity in ENTITIES else 'order'}.yml", text)
        place = "fuzz/file.yml"
        try:
            document = load_file(path, place, self.number)
        except MappingConfigError as error:
            _judge(error, f"mappings/{place}")
            return
        for data in ({}, {"id": 1, "name": "x", "items": [{"a": 1}], "billing": {"phone": "+7"}}):
            source = SourceRecord(document.entity, "1", data)
            try:
                check_storable(compile_mapping(document).apply(source, CONTEXT))
            except MappingError as error:
                error.message.encode()

    def check_connection(self, blob: bytes) -> None:
        """A connection file is good, or the error names the file, the line and what is allowed."""
        path = self.write("shop.yml", blob)
        try:
            connection_files.check(connection_files.read(path))
        except ConfigError as error:
            _judge(error, str(path))


def _judge(error: ConfigError, place: str) -> None:
    """File, line and words: an admin must see where to look."""
    error.message.encode()
    problems = error.problems if isinstance(error, MappingConfigError) else []
    for problem in problems:
        if not problem.message.strip():
            raise Finding("a problem without words", repr(problem))
        if not problem.place.startswith(place):
            raise Finding("a problem without its file", repr(problem))
        if not problem.line and not problem.message.startswith("cannot be read"):
            raise Finding("a problem without a line", repr(problem))
    if not problems:
        where = error.place.removeprefix(place)
        if where == error.place:
            raise Finding("an error without its file", f"{error.place}: {error.message}")
        if not where.lstrip(":")[:1].isdigit():
            raise Finding("an error without a line", f"{error.place}: {error.message}")


def _open_mapping_files() -> Run:
    files = Files()
    seeds = [
        path.stem.encode() + b"\n" + path.read_bytes()
        for path in sorted(MAPPINGS.glob("*/*.yml"))
        if not path.name.endswith(".out.yml")
    ]
    return Run(seeds, _file_change, files.check_mapping, close=files.folder.cleanup)


def _file_change(blob: bytes, random: Random) -> bytes:
    first, text = lines_after(blob)
    return first + b"\n" + _yaml_change(text, random)


def _open_connection_files() -> Run:
    files = Files()
    seeds = [path.read_bytes() for path in sorted(CONNECTORS.glob("*/fixtures/connection.yml"))]
    seeds = [b"\n".join(_own_lines(seed)) for seed in seeds]
    return Run(seeds, _yaml_change, files.check_connection, close=files.folder.cleanup)


def _own_lines(seed: bytes) -> Iterator[bytes]:
    """The fixture's file without the keys that are for the contract suite."""
    from tests.contract.cases import SUITE_KEYS

    for line in seed.split(b"\n"):
        if not line.startswith(tuple(key.encode() for key in SUITE_KEYS)):
            yield line
