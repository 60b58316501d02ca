"""Small functions that see text from outside: transforms, paths, decoders, signatures, rules.

An input is the function's name, a line end, and what it is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from connectors._protocols import onec_replies
from connectors._protocols.mail_text import (
    decode_bytes,
    decode_header,
    html_to_text,
    strip_quotes,
)
from hub.mapping.paths import PathError, compile_condition, compile_path
from hub.mapping.transforms import MISSING, TRANSFORMS, TransformError
from hub.schedules import check_rule, expected_period, next_run
from hub.sdk import payload, signatures, xml
from hub.sdk.errors import ConfigError, HubError, PayloadError, SignatureError
from hub.sdk.http import retry_after_seconds
from hub.sdk.request import RawRequest
from hub.store.database import same_json, to_json
from tests.fuzz import hostile
from tests.fuzz.markup import mutate_mime, mutate_xml
from tests.fuzz.mutate import mutate_bytes, mutate_form, mutate_json
from tests.fuzz.target import Finding, Run, Target, lines_after
from tests.mapping.test_any_data import ARGUMENTS, CONTEXT

NOW = datetime(2026, 1, 12, 15, 21, 12, tzinfo=UTC)
GIVES = {"text": str, "number": (Decimal, int), "time": datetime, "boolean": bool}
DATA = {"a": [1, None, {"b": "x", "c": Decimal("1.5")}], "имя": "И", "n": -1, "t": True, "z": {}}
PATHS = [
    "a.b.c",
    "имя",
    "a[0]",
    "a[*].b",
    "a[?b > `1`].c | [0]",
    "sort_by(a, &b)",
    "join(',', keys(@))",
    'to_number("a b")',
    "max_by(a, &c)",
    "a[::-1]",
    "not_null(a.b, имя)",
    "merge(@, {x: n})",
    "map(&b, a)",
    "z.*",
]
RULES = ["every 5m", "every 30 s", "every 2d", "*/10 8-20 * * *", "0 0 1 * *", "0 9 * * mon-fri"]
STAMPS = ["1768231272", "1768231272.5", "v1,AAAA", "sha256=00", "Basic QTpC", "120"]


def targets() -> list[Target]:
    """All of these functions as two targets: what bytes become, and what a transform makes."""
    return [Target("text:functions", _open, 20), Target("text:transforms", _open_transforms, 14)]


def _run_path(text: str) -> None:
    try:
        get, holds = compile_path(text), compile_condition(text)
    except PathError as error:
        str(error).encode()
        return
    for data in (DATA, {}, [], None, "x", [DATA]):
        for function in (get, holds):
            try:
                function(data)
            except TransformError as error:
                str(error).encode()


def _run_rule(text: str) -> None:
    try:
        check_rule(text, "schedule.x")
    except ConfigError as error:
        error.message.encode()
        return
    zone = ZoneInfo("Europe/Moscow")
    if next_run(text, NOW, zone) <= NOW:
        raise Finding("a rule that is always due", text)
    if expected_period(text, NOW, zone) <= 0:
        raise Finding("a rule without a period", text)


def _run_signatures(text: str) -> None:
    for function in (
        lambda: signatures.require_any([text], ["secret", text[:-1]]),
        lambda: signatures.require_any(text.split(","), ["secret"]),
        lambda: signatures.require_fresh(text, NOW),
        lambda: signatures.from_base64(text),
    ):
        try:
            function()
        except SignatureError as error:
            error.message.encode()


def _run_request(body: bytes) -> None:
    line, rest = lines_after(body)
    request = RawRequest(
        body=rest,
        headers=(("Content-Type", line.decode("latin-1")), ("X", line.decode("latin-1"))),
        query=line.decode("latin-1"),
    )
    for read in (lambda: request.json, lambda: request.form.tree(), lambda: request.query_fields):
        try:
            _clean(read())
        except PayloadError as error:
            error.message.encode()
    request.content_type.encode()


def _clean(value: Any) -> None:
    """What a loader gives has no NUL, no lone surrogate, and is JSON."""
    text = to_json(value)
    text.encode()
    if "\\u0000" in text.replace("\\\\", ""):
        raise Finding("a NUL came through", text[:200])


def _run_xml(body: bytes) -> None:
    try:
        _clean(xml.load_xml(body))
    except PayloadError as error:
        error.message.encode()


def _run_1c_words(text: str) -> None:
    onec_replies.plain_words(text).encode()
    onec_replies.fault(text).message.encode()
    onec_replies.not_an_answer("text/html", text).message.encode()
    for status in (200, 401, 404, 500, 503):
        error = onec_replies.refusal(
            status, "text/html", text.encode("utf-8", "replace"), address="http://1c"
        )
        if not isinstance(error, HubError):
            raise Finding("a refusal that is no error", repr(error))


def _run_decoders(body: bytes) -> None:
    line, rest = lines_after(body)
    charset = line.decode("latin-1")
    for found in (payload.decode_text(rest, charset), decode_bytes(rest, charset)):
        found.encode()
        if "\x00" in found:
            raise Finding("a NUL came through", repr(found)[:200])


def _run_mail_text(body: bytes) -> None:
    text = body.decode("utf-8", "surrogateescape")
    for found in (html_to_text(text), strip_quotes(payload.clean_text(text)), decode_header(text)):
        found.encode()


def _run_json(body: bytes) -> None:
    try:
        tree = payload.load_json(body)
    except PayloadError as error:
        error.message.encode()
        return
    _clean(tree)
    if not same_json(tree, payload.load_json(body)):
        raise Finding("JSON is read in two ways")


def _as_text(function: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda body: function(body.decode("utf-8", "surrogateescape"))


FUNCTIONS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "path": (_as_text(_run_path), [one.encode() for one in PATHS]),
    "rule": (
        _as_text(lambda text: _run_rule(payload.clean_text(text))),
        [one.encode() for one in RULES],
    ),
    "signature": (_as_text(_run_signatures), [one.encode() for one in STAMPS]),
    "retry-after": (_as_text(retry_after_seconds), [b"120", b"Mon, 12 Jan 2026 15:00:00 GMT"]),
    "json": (_run_json, [b'{"a": [1, 2.5, "x", null, {"b": true}], "c": "2026-01-12"}']),
    "xml": (_run_xml, [b'<a x="1"><b>1</b><b>2</b><c><d/></c>t</a>']),
    "request": (
        _run_request,
        [
            b'application/json\n{"a": 1}',
            b"application/x-www-form-urlencoded; charset=cp1251\na[b][0]=1&a[b][1]=2&c=%D0%B0",
            b"multipart/form-data; boundary=b\n--b\r\nContent-Disposition: form-data; name=a\r\n"
            b'\r\n1\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nz\r\n'
            b"--b--\r\n",
        ],
    ),
    "1c": (
        lambda body: _run_1c_words(payload.decode_text(body)),
        [
            "{Обмен.Модуль(12)}: Ошибка\n\tА = Б;\nпо причине:\nДеление на 0".encode(),
            b'{"#exception": {"#value": {"descr": "x"}}}',
            b"<html><title>500</title><body>Error</body></html>",
        ],
    ),
    "decode": (
        _run_decoders,
        [b"koi8-r\n\xf0\xd2\xc9\xd7\xc5\xd4", b"\n\xd0\x9f", b"utf-7\n+AAA-"],
    ),
    "mail-text": (
        _run_mail_text,
        [
            b"<p>Hi <b>there</b></p><table><tr><td>1</td></tr></table><script>x</script>",
            b"Yes.\n\nOn Mon, Jan 12, 2026 at 6:20 PM Sales <a@b.example> wrote:\n> old",
            b"=?utf-8?B?0J/RgNC40LLQtdGC?= =?koi8-r?Q?=F0=D2?=",
        ],
    ),
}
CHANGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "json": mutate_json,
    "xml": mutate_xml,
    "mail-text": mutate_bytes,
}


def _open() -> Run:
    seeds = [
        name.encode() + b"\n" + seed for name, (_, given) in FUNCTIONS.items() for seed in given
    ]
    return Run(seeds, _change, _check)


def _change(blob: bytes, random: Random) -> bytes:
    first, rest = lines_after(blob)
    change = CHANGES.get(first.decode())
    if change is None:
        change = random.choice((mutate_bytes, mutate_bytes, _splice, mutate_form))
    elif random.random() < 0.2:
        change = random.choice((mutate_bytes, _splice))
    if first == b"request" and random.random() < 0.4:
        change = mutate_mime
    for _ in range(random.choice((1, 1, 2))):
        rest = change(rest, random)
    return first + b"\n" + rest


def _splice(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    hard = hostile.text(random).encode("utf-8", "surrogatepass")
    return body[:at] + hard + body[at:] if random.random() < 0.7 else hard


def _check(blob: bytes) -> None:
    first, rest = lines_after(blob)
    known = FUNCTIONS.get(first.decode("latin-1"))
    if known is not None:
        known[0](rest)


def _open_transforms() -> Run:
    general = [
        b'"79160000077"',
        b'"2026-01-12T15:00:00"',
        b"12.50",
        b'["a", {"b": 1}]',
        b'"x@y.ru"',
    ]
    seeds = [name.encode() + b"\n" + one for name in TRANSFORMS for one in general]
    return Run(seeds, _value_change, _check_transform)


def _value_change(blob: bytes, random: Random) -> bytes:
    first, rest = lines_after(blob)
    if random.random() < 0.6:
        return first + b"\n" + hostile.write_json(hostile.tree(random, 2), random)
    return first + b"\n" + mutate_json(rest, random)


def _check_transform(blob: bytes) -> None:
    first, rest = lines_after(blob)
    step = TRANSFORMS.get(first.decode("latin-1"))
    try:
        loose = json.loads(rest)
        exact = payload.load_json(rest)
    except (ValueError, RecursionError, PayloadError):
        return
    if step is None:
        return
    argument = ARGUMENTS.get(step.name)
    for value in (exact, loose):
        if value is None or (isinstance(value, str) and not value.strip()):
            continue  # a transform is never called with these
        try:
            found = step.function(value, argument, CONTEXT)
        except TransformError as error:
            str(error).encode()
            continue
        wanted: Any = GIVES.get(step.gives, object)
        if found is not None and found is not MISSING and not isinstance(found, wanted):
            raise Finding(f"{step.name} gives {type(found).__name__}", repr(found)[:200])
