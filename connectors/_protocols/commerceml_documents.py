"""Documents of CommerceML: orders that come back from 1C with its word on them."""

from __future__ import annotations

import re
from typing import Any, Final

from connectors._protocols.commerceml import (
    child_of,
    id_of,
    is_marked,
    is_true,
    requisites,
    split_id,
    text_of,
)

ORDER: Final = "заказ товара"
#: The hub's own orders by what was sent as Ид and as Номер.
OWN_ID = re.compile(r"uzel-order-([0-9]{1,18})")
#: 1C's requisite → our name; a document that is whole and has none of it says «none».
ERP: Final = {
    "Номер по 1С": "НомерПо1С",
    "Дата по 1С": "ДатаПо1С",
    "Проведен": "Проведен",
    "Отменен": "Отменен",
    "Оплачен": "Оплачен",
    "Отгружен": "Отгружен",
    "Номер оплаты по 1С": "НомерОплатыПо1С",
    "Дата оплаты по 1С": "ДатаОплатыПо1С",
    "Номер отгрузки по 1С": "НомерОтгрузкиПо1С",
    "Дата отгрузки по 1С": "ДатаОтгрузкиПо1С",
    "Статус заказа": "СтатусЗаказа",
}


def is_order(element: Any) -> bool:
    """Whether a Документ is an order; payments and shipments come beside them."""
    kind = text_of(element, "ХозОперация") or ORDER
    return kind.strip().lower().replace("ё", "е") == ORDER


def own_id(key: str, number: str, prefix: str) -> str:
    """The hub's key of an order by 1C's Ид, else by the number that the hub gave; empty: neither.

    `prefix` is what the hub's numbers begin with.
    """
    found = OWN_ID.fullmatch(key.strip().lower())
    if found is None and prefix:
        found = re.fullmatch(rf"{re.escape(prefix)}([1-9][0-9]{{0,18}})", number.strip())
    return f"uzel-order-{int(found[1])}" if found else ""


def order_of(element: Any, prefix: str = "") -> dict[str, Any]:
    """A Документ as plain fields. `Свой` tells an order that the hub itself sent to 1C."""
    found: dict[str, Any] = {}
    for name in ("Номер", "Дата", "Время", "ХозОперация", "Роль", "Валюта", "Курс", "Сумма",
                 "Комментарий"):  # fmt: skip
        value = text_of(element, name, None)
        if value is not None:
            found[name] = value
    key = id_of(text_of(element, "Ид"))
    own = own_id(key, found.get("Номер", ""), prefix)
    found["Ид"] = own or key
    found["Свой"] = bool(own)
    if found.get("Дата"):
        found["Момент"] = moment_of(found["Дата"], found.get("Время") or "")
    said = dict(requisites(element))
    found["Реквизиты"] = said
    found.update({ours: said.get(name, "") for name, ours in ERP.items()})
    found["ПометкаУдаления"] = (
        "true" if is_marked(element) or is_true(said.get("ПометкаУдаления")) else "false"
    )
    found.update(_judged(found))
    found["Контрагент"] = _buyer(element)
    found["Товары"] = _lines(element)
    return found


def moment_of(day: str, time: str) -> str:
    """A date and a time of day as one text; 1C may write a date with an empty time in it."""
    day = day.partition("T")[0].strip()
    return f"{day}T{time.strip()}" if time.strip() and "-" in day else day


def _judged(found: dict[str, Any]) -> dict[str, str]:
    """What the requisites mean together; dialects say it by a number, by a mark, or by both."""
    is_cancelled = is_true(found["Отменен"]) or found["ПометкаУдаления"] == "true"
    is_paid = is_true(found["Оплачен"]) or bool(found["НомерОплатыПо1С"])
    is_shipped = is_true(found["Отгружен"]) or bool(found["НомерОтгрузкиПо1С"])
    words = (
        (is_cancelled, "Отменён"),
        (is_shipped, "Отгружен"),
        (is_paid, "Оплачен"),
        (is_true(found["Проведен"]), "Проведён"),
        (bool(found["НомерПо1С"]), "Принят"),
    )
    status = next((word for applies, word in words if applies), "")
    return {
        "ОтмененПо1С": "true" if is_cancelled else "false",
        "ОплаченоПо1С": found.get("Сумма", "") if is_paid else "",
        "СтатусПо1С": found["СтатусЗаказа"] or status,
    }


def _buyer(element: Any) -> dict[str, str]:
    held = child_of(element, "Контрагенты")
    for one in held if held is not None else ():
        buyer = {
            name: text_of(one, name) or ""
            for name in (
                "Наименование",
                "ПолноеНаименование",
                "ОфициальноеНаименование",
                "ИНН",
                "КПП",
            )
        }
        buyer["Ид"] = id_of(text_of(one, "Ид"))
        contacts = child_of(one, "Контакты")
        for contact in contacts if contacts is not None else ():
            kind = (text_of(contact, "Тип") or "").lower()
            value = text_of(contact, "Значение") or ""
            if "почт" in kind or "mail" in kind:
                buyer.setdefault("Почта", value)
            elif "телефон" in kind:
                buyer.setdefault("Телефон", value)
        return buyer
    return {}


def _lines(element: Any) -> list[dict[str, str]]:
    held = child_of(element, "Товары")
    lines = []
    for one in held if held is not None else ():
        item, characteristic = split_id(text_of(one, "Ид"), text_of(one, "ИдХарактеристики"))
        line = {"Ид": item, "ИдХарактеристики": characteristic}
        for name in ("Артикул", "Наименование", "ЦенаЗаЕдиницу", "Количество", "Сумма"):
            line[name] = text_of(one, name) or ""
        lines.append(line)
    return lines
