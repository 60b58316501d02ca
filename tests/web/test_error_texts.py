"""Messages of errors are said in Russian, and none that the code can raise was forgotten."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from connectors.mango import webhook as mango
from connectors.woocommerce import webhook as woocommerce
from hub.crm.merges import MergeError
from hub.flow.retry import decide
from hub.flow.stock import snapshot_doubt
from hub.mapping.model import MappingConfigError, MappingError, Problem
from hub.mapping.transforms import TRANSFORMS
from hub.registry import messages
from hub.sdk import errors
from hub.store.database import utc_now
from hub.web import sessions, words
from hub.web.error_templates import TEMPLATES
from hub.web.error_texts import in_words, is_known
from tests.architecture.source import sources

#: Calls whose first text is a message for people.
RAISED = {
    *(name for name in dir(errors) if name[0].isupper()),
    *("MergeError", "PathError", "TransformError", "ValidationError"),
}
#: Never shown by a page: path → where they are said instead.
ELSEWHERE = {
    "hub/api/": "answers of the API, in English",
    "hub/commands/": "the terminal",
    "hub/embedded/": "the terminal at the start, in both languages",
}
#: What stands in a hole when a number does not fit: (path, expression) → value.
HOLES = {
    ("hub/sdk/signatures.py", "what"): "vpbx_api_key",
    ("hub/mapping/transforms/numeric.py", "what"): "a quantity",
    ("hub/mapping/transforms/times.py", "hint"): " in milliseconds",
    ("hub/mapping/paths.py", "hint"): "; perhaps length, keys",
    ("hub/mapping/paths.py", "place"): " at character 7",
    ("hub/mapping/paths.py", "least"): "at least ",
    ("hub/flow/stock.py", "why"): " (quantity from q: «x» is not a quantity)",
    ("hub/sdk/settings_check.py", "setting.type"): "list",
    ("connectors/woocommerce/webhook.py", "NOT_KEPT[resource]"): woocommerce.NOT_KEPT["coupon"],
}
#: Expressions that are no text of their own: (path, expression) → who makes the text.
PASSED = {
    ("hub/flow/parse.py", "GONE[stored.event.request.method]"): "one of the two beside it",
    ("hub/flow/replay.py", "GONE[gone[ids[0]]]"): "one of the two in parse.py",
    ("hub/sdk/http/replies.py", "text"): "raise_for_status, in RENDERED",
    ("connectors/mango/webhook.py", "_why_ignored(kind)"): "judged below",
    ("hub/mapping/transforms/structure.py", "error.message"): "a PayloadError of the SDK",
    ("hub/mapping/schema.py", "str(error)"): "a PathError",
    ("hub/mapping/schema.py", "message"): "a ValidationError of the same file",
    ("hub/mapping/loader.py", "message"): "what a mapping is, as schema.py says it",
    ("hub/mapping/loader.py", "problem.message"): "a problem that schema.py found",
    ("hub/mapping/places.py", "said"): "words of the YAML parser",
    ("hub/mapping/check.py", "message"): "advice of «hub mappings check» in the terminal",
    ("hub/mapping/schema.py", "errors"): "what other checks found",
    ("hub/mapping/schema.py", "wrong"): "what other checks found",
    ("hub/mapping/schema.py", "unknown('transform', name, TRANSFORMS)"): "in RENDERED",
    ("hub/sdk/manifest.py", "str(error.messages)"): "a developer's slip in a manifest",
    ("hub/store/connections.py", "self._broken[name]"): "the ConfigError that broke it",
    ("hub/registry.py", "str(error)"): "words of the YAML parser",
    ("hub/settings.py", "str(error)"): "words of the YAML parser",
    ("hub/sdk/profiles.py", "str(error)"): "words of the YAML parser",
    ("connectors/_protocols/soap_wsdl.py", "words"): "Russian, for an error of either kind",
    ("connectors/_protocols/odata_base.py", "how_to_publish(name)"): "Russian",
    (
        "connectors/_protocols/odata_base.py",
        "how_to_publish(str(given.get('document') or names))",
    ): "Russian",
    ("connectors/_protocols/odata_base.py", "how_to_publish(' или '.join(names))"): "Russian",
    ("connectors/onec_soap/client.py", "words"): "Russian, from the table of checks",
}
#: message → in Russian.
RENDERED = {
    "the body is not JSON: Expecting value: line 1 column 1 (char 0)": (
        "тело не JSON: ожидается значение: строка 1, позиция 1 (символ 0)"
    ),
    "127.0.0.1:8777 cannot be reached": "127.0.0.1:8777 недоступен",
    "127.0.0.1:8777 cannot be reached (tried 10 times)": "127.0.0.1:8777 недоступен (попыток: 10)",
    "503 from shop.example: maintenance: back at 7": (
        "shop.example ответил 503: maintenance: back at 7"
    ),
    "the signature does not match": "подпись не совпадает",
    "the vpbx_api_key is missing": "нет vpbx_api_key",
    "the timestamp is more than 300 seconds off": (
        "отметка времени расходится с часами узла больше чем на 300 с"
    ),
    "the body is larger than the 1048576 bytes that are accepted": (
        "тело больше допустимых 1048576 байт"
    ),
    "the snapshot is empty, 140 rows are stored": "выгрузка пуста, а сохранено строк: 140",
    "the stock row of KR-15 has no quantity (quantity from Qty: «нет» is not a quantity; "
    "price from Price: «?» is not an amount of money)": (
        "в строке остатков KR-15 нет количества (quantity из Qty: «нет» — не количество; "
        "price из Price: «?» — не сумма денег)"
    ),
    "settings.tls: the server takes logins only over TLS": (
        "settings.tls: сервер пускает только по TLS"
    ),
    "connections/shop.yml: schedule.orders: is required": (
        "connections/shop.yml: schedule.orders: обязательно нужно указать"
    ),
    "there is no stream «x»; there are: none": "потока «x» нет, и нет ни одного другого",
    "unknown transform «monney»; perhaps money": (
        "неизвестное преобразование «monney»; возможно, money"
    ),
    "transform date: «x» is not a date format such as %d.%m.%Y": (
        "преобразование date: «x» — не вид даты вроде %d.%m.%Y"
    ),
    "the receiver closed this address for good (410 from a.example: gone); pause the connection "
    "or change settings.url": (
        "получатель закрыл этот адрес насовсем (a.example ответил 410: gone); "
        "приостановите подключение или измените settings.url"
    ),
}
UNKNOWN = (
    "",
    "база 1С закрыта на обслуживание: до 7:00",
    "KeyError: 'id'",
    "Traceback (most recent call last):\n  File …\nValueError: 7",
    "moved to another hosting; back on Monday",
)


@pytest.fixture
def russian() -> Iterator[None]:
    """A reader of the Russian pages."""
    app = Flask(__name__)
    Babel(app, default_translation_directories=sessions.TRANSLATIONS)
    with app.test_request_context(), force_locale("ru"):
        yield


def is_russian(text: str) -> bool:
    return re.search("[А-Яа-яЁё]", text) is not None


def texts(path: str, node: ast.expr) -> list[str]:
    """The texts an expression may give, its holes filled; none when it is no text of its own."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.JoinedStr(values=values):
            pieces = [
                HOLES.get((path, ast.unparse(part.value)), "7")
                if isinstance(part, ast.FormattedValue)
                else str(part.value)
                for part in values
                if isinstance(part, ast.FormattedValue | ast.Constant)
            ]
            return ["".join(pieces)]
        case ast.Call(func=ast.Attribute(value=ast.JoinedStr() as inner)):
            return texts(path, inner)
    return []


def message_of(call: ast.Call) -> ast.expr | None:
    """The message among the arguments of an error that people read."""
    name = getattr(call.func, "id", None) or getattr(call.func, "attr", None)
    if name == "Problem" and len(call.args) > 1:
        return call.args[1]
    return call.args[0] if name in RAISED and call.args else None


def rejected_reasons(tree: ast.Module) -> Iterator[ast.expr]:
    """Reasons of rows that a connector lists as rejected itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.ListComp):
            row = node.value.elt
            if ast.unparse(node.targets[0]) == "rejected" and isinstance(row, ast.Tuple):
                yield row.elts[1]


def raised() -> Iterator[tuple[str, ast.expr]]:
    """(path, message) of every error raised in the hub and its connectors."""
    for source in sources("hub", "connectors"):
        if source.name.startswith(tuple(ELSEWHERE)):
            continue
        calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
        for message in filter(None, map(message_of, calls)):
            yield source.name, message
        for reason in rejected_reasons(source.tree):
            yield source.name, reason


ALL = list(raised())


def test_every_raised_message_is_said_in_russian() -> None:
    said = [(path, text) for path, node in ALL for text in texts(path, node)]
    assert len(said) > 200
    assert [one for one in said if not (is_russian(one[1]) or is_known(one[1]))] == []


def test_what_is_no_text_of_its_own_is_listed_with_its_maker() -> None:
    bare = {(path, ast.unparse(node)) for path, node in ALL if not texts(path, node)}
    assert bare == set(PASSED)


def test_errors_raised_without_a_message_are_said_in_russian() -> None:
    own = [getattr(errors, name) for name in dir(errors) if name[0].isupper()]
    for kind in (*own, MergeError, MappingError, MappingConfigError):
        assert is_known((kind.__doc__ or "").split("\n")[0]), kind


def test_texts_made_by_functions_are_said_in_russian() -> None:
    made = [
        *mango.NOT_KEPT.values(),
        *woocommerce.NOT_KEPT.values(),
        mango._why_ignored("result/callback"),
        mango._why_ignored("x"),
        snapshot_doubt(140, 0, 0.7),
        snapshot_doubt(140, 3, 0.7),
        decide(errors.RetryLater("a.example cannot be reached"), 99, utc_now()).message,
        *(found for one in TRANSFORMS.values() if one.check and (found := one.check(object()))),
        "a worker died 3 times while it worked on this event",
        "the store refused the row: integer out of range",
    ]
    assert [text for text in made if not is_known(text)] == []


@pytest.mark.parametrize(("message", "expected"), RENDERED.items())
def test_a_message_in_russian(russian: None, message: str, expected: str) -> None:
    assert in_words(message) == expected


def test_a_mapping_error_is_said_with_its_cause_and_remedy(russian: None) -> None:
    reason = "«нет» is not an amount of money"
    error = MappingError("order", "total", "sum", "нет", reason)
    remedy = "поправьте эту строку сопоставления или данные у отправителя"
    again = "обработайте событие заново"
    expected = f"order.total из sum: «нет» — не сумма денег; {remedy} и {again}"
    assert in_words(error.message) == expected
    cut = MappingError("order", "total", "sum", "нет", "the number is too long")
    assert "число слишком длинное (значение «нет»); поправьте" in in_words(cut.message)


def test_the_problems_of_a_mapping_are_said_one_by_one(russian: None) -> None:
    problems = [
        Problem(
            "fields.total", "unknown key «fron»; perhaps from", "mappings/shop/order.yml", 3, 5
        ),
        Problem("fields.phone", "the path is empty", "mappings/shop/order.yml", 7, 5),
    ]
    assert in_words(MappingConfigError(problems).message) == (
        "mappings/shop/order.yml:3:5: fields.total: неизвестный ключ «fron»; возможно, from; "
        "mappings/shop/order.yml:7:5: fields.phone: путь пуст"
    )
    many = in_words(MappingConfigError(problems * 6).message)
    assert many.endswith("(и ещё 2)")
    assert "the path is empty" not in many


@pytest.mark.parametrize("message", UNKNOWN)
def test_what_is_not_known_stays_as_it_is(russian: None, message: str) -> None:
    assert in_words(message) == message


def test_an_english_reader_sees_what_was_said() -> None:
    app = Flask(__name__)
    Babel(app, default_translation_directories=sessions.TRANSLATIONS)
    with app.test_request_context(), force_locale("en"):
        for message in RENDERED:
            assert in_words(message) == message


def test_every_template_is_found_and_said_in_russian(russian: None) -> None:
    for template in (*TEMPLATES, *messages()):
        filled = re.sub(r"%\((\w+)\)s", "7", template).replace("%%", "%")
        assert is_russian(in_words(filled)), template


@pytest.mark.parametrize(
    "garbage",
    [
        "a" * 9_999,
        ": " * 4_999,
        "«" * 9_999,
        "7 from x: (value «; " * 450,
        "; a.b: " * 1_400,
        "a.b: is required; " * 500 + "is empty",
        "the body is not JSON: " * 450,
        "x from y: " * 900,
        " " * 1_000_000,
    ],
    ids=lambda text: text[:12],
)
def test_no_message_takes_long(russian: None, garbage: str) -> None:
    started = time.perf_counter()
    in_words(garbage)
    assert time.perf_counter() - started < 1


def test_every_code_that_is_stored_has_a_title() -> None:
    own = {getattr(errors, name).code for name in dir(errors) if name[0].isupper()}
    assert own | {"mapping", "mapping_config", "bug", "poison"} <= set(words.WORDS["error"])
