"""Incidents in words, in the hub's languages: one line of what is wrong, where, how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: {kind: {language: line}}; places: subject, count, cause.
KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "dead_events": {
        "ru": "{subject}: события не обработаны ({count}), причина: {cause}",
        "en": "{subject}: events not processed ({count}), cause: {cause}",
    },
    "dead_deliveries": {
        "ru": "{subject}: изменения не доставлены ({count}), причина: {cause}",
        "en": "{subject}: changes not delivered ({count}), cause: {cause}",
    },
    "attention": {
        "ru": "{subject}: другая система не принимает ключи, работа стоит",
        "en": "{subject}: the other system refuses the keys, work has stopped",
    },
    "broken": {
        "ru": "{subject}: подключение не работает, ошибка в настройках",
        "en": "{subject}: the connection cannot be used, a setting is wrong",
    },
    "breaker": {
        "ru": "{subject}: {cause} не отвечает, вызовы приостановлены",
        "en": "{subject}: {cause} does not answer, calls are put off",
    },
    "stale": {
        "ru": "{subject}: данные давно не обновлялись",
        "en": "{subject}: the data have not been renewed for long",
    },
    "run_failed": {
        "ru": "{subject}: обмен не удался {count} раз подряд",
        "en": "{subject}: the last {count} sync runs failed",
    },
    "run_held": {
        "ru": "{subject}: снимок данных выглядит неполным и ждёт вашего решения",
        "en": "{subject}: a snapshot looks incomplete and waits for your decision",
    },
    "queue_old": {
        "ru": "{subject}: события лежат в очереди слишком долго",
        "en": "{subject}: events have been waiting for too long",
    },
    "delivery_old": {
        "ru": "{subject}: изменения не удаётся доставить больше получаса",
        "en": "{subject}: changes could not be delivered for over half an hour",
    },
    "disk": {
        "ru": "На диске мало места: свободно {subject}",
        "en": "The disk is nearly full: {subject} left",
    },
    "redis": {
        "ru": "Redis недоступен: события принимаются, но не обрабатываются",
        "en": "Redis is away: events are accepted but not processed",
    },
    "workers": {
        "ru": "Нет ни одного обработчика очереди «{subject}»",
        "en": "No worker serves the queue «{subject}»",
    },
    "unexplained": {
        "ru": "{subject}: сверка нашла записи, которые не удалось получить ({count})",
        "en": "{subject}: reconciliation found records that could not be fetched ({count})",
    },
    "refused": {
        "ru": "{subject}: запросы отклоняются, причина: {cause}",
        "en": "{subject}: requests are refused, cause: {cause}",
    },
}
#: What an error's code means, shortly.
CAUSES: Final[Mapping[str, Mapping[str, str]]] = {
    "payload": {"ru": "данные не разобраны", "en": "data not understood"},
    "mapping": {"ru": "поле не заполняется", "en": "a field cannot be filled"},
    "mapping_config": {"ru": "ошибка в сопоставлении полей", "en": "the mapping is wrong"},
    "signature": {"ru": "неверная подпись", "en": "the signature is wrong"},
    "too_large": {"ru": "слишком большой запрос", "en": "the body is too large"},
    "retry_later": {"ru": "другая система недоступна", "en": "the other system is not ready"},
    "not_called": {"ru": "вызовы приостановлены", "en": "the other system was left alone"},
    "auth": {"ru": "ключи отклонены", "en": "the keys were refused"},
    "rejected": {"ru": "данные не приняты", "en": "the data was refused"},
    "config": {"ru": "ошибка в настройках", "en": "a setting is wrong"},
    "address": {"ru": "адрес запрещён", "en": "the address is not allowed"},
    "bug": {"ru": "ошибка в программе", "en": "a bug in the code"},
    "poison": {"ru": "событие роняет обработчик", "en": "it crashes the worker"},
}
EVENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "opened": {"ru": "Сбой", "en": "Trouble"},
    "reopened": {"ru": "Снова сбой", "en": "Trouble again"},
    "recovered": {"ru": "Восстановлено", "en": "Recovered"},
    "passed": {"ru": "Был сбой, прошёл сам", "en": "There was a trouble, it passed"},
    "test": {"ru": "Проверка", "en": "Test"},
}
SUBJECTS: Final[Mapping[str, Mapping[str, str]]] = {
    "one": {"ru": "Узел: {line}", "en": "Uzel: {line}"},
    "many": {"ru": "Узел: сообщений – {count}", "en": "Uzel: {count} notices"},
    "more": {"ru": "и ещё {count}", "en": "and {count} more"},
    "all": {"ru": "Все сбои: {address}", "en": "All incidents: {address}"},
    "test": {
        "ru": "уведомления Узла приходят сюда",
        "en": "notices of Uzel arrive here",
    },
}


def title_of(incident: Mapping[str, Any], language: str) -> str:
    """What is wrong, in one line."""
    line = KINDS.get(incident["kind"], {}).get(language) or incident["kind"]
    cause = incident.get("cause") or ""
    return line.format(
        subject=incident.get("subject") or incident.get("connection") or "",
        count=incident.get("count") or 0,
        cause=CAUSES.get(cause, {}).get(language, cause),
    )
