"""CommerceML 2.03–3.1: its words, what is remembered between files, the catalogue.

By local names and in every dialect that 1C writes; no XSD is followed, the published ones do not
know what 1C itself writes. Names of source fields are CommerceML's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors._protocols.commerceml_file import local
from hub.sdk.payload import clean_text

GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
NO_ID: Final = "00000000-0000-0000-0000-000000000000"
TRUE: Final = frozenset({"true", "1", "да", "истина"})
#: Words that are remembered for a connection, of each kind.
MAX_REMEMBERED: Final = 50_000
MAX_DEPTH: Final = 32
#: ОКЕИ codes that stand instead of a unit's name.
UNITS: Final = {
    "006": "м",
    "055": "м2",
    "112": "л",
    "113": "м3",
    "163": "г",
    "166": "кг",
    "168": "т",
    "356": "ч",
    "616": "боб",
    "625": "лист",
    "704": "набор",
    "715": "пар",
    "728": "пач",
    "736": "рул",
    "778": "упак",
    "796": "шт",
    "812": "ящ",
    "839": "компл",
}
KINDS: Final = ("groups", "properties", "values", "warehouses", "price_types", "units", "services")


def text_of(element: Any, name: str, default: str | None = "") -> str | None:
    """The text of the first child of this name; `default` when there is none."""
    for child in element.iterchildren(f"{{*}}{name}"):
        return clean_text((child.text or "").strip())
    return default


def child_of(element: Any, name: str) -> Any:
    """The first child of this name, or None."""
    return next(element.iterchildren(f"{{*}}{name}"), None)


def children_of(element: Any, name: str) -> list[Any]:
    """The children of this name."""
    return list(element.iterchildren(f"{{*}}{name}"))


def id_of(text: str | None) -> str:
    """An id as it is kept: a GUID in lower case, none for the zero one, anything else as it is."""
    value = (text or "").strip()
    if GUID.fullmatch(value):
        value = value.lower()
    return "" if value == NO_ID else value


def split_id(text: str | None, characteristic: str | None = None) -> tuple[str, str]:
    """The item and its characteristic, from `guid#guid` or from two elements."""
    item, _, after = (text or "").partition("#")
    return id_of(item), id_of(characteristic) or id_of(after.partition("#")[0])


def is_true(text: str | None) -> bool:
    """Whether a mark is set."""
    return (text or "").strip().lower() in TRUE


def is_marked(element: Any) -> bool:
    """Whether a thing is marked for deletion, in either dialect."""
    status = element.get("Статус") or text_of(element, "Статус") or ""
    return status.strip().lower() in {"удален", "удалён"} or is_true(
        text_of(element, "ПометкаУдаления")
    )


def chain_of(element: Any) -> list[str]:
    """The names of the elements around this one, the nearest first."""
    return [local(parent) for parent in element.iterancestors()]


class Memory:
    """What one file tells and another one needs: names by id, as JSON in a cursor.

    `cursor` is the same object until something new was told.
    """

    def __init__(self, cursor: Mapping[str, Any]) -> None:
        self._cursor = cursor
        self._changed = False
        self._kinds: dict[str, dict[str, str]] = {}
        for kind in KINDS:
            kept = cursor.get(kind)
            self._kinds[kind] = dict(kept) if isinstance(kept, Mapping) else {}

    @property
    def cursor(self) -> Mapping[str, Any]:
        """All that is remembered."""
        if self._changed:
            self._cursor = {kind: dict(words) for kind, words in self._kinds.items() if words}
            self._changed = False
        return self._cursor

    def get(self, kind: str, key: str, default: str = "") -> str:
        """A word, or the default."""
        return self._kinds[kind].get(key, default)

    def has(self, kind: str, key: str) -> bool:
        """Whether it is known."""
        return key in self._kinds[kind]

    def tell(self, kind: str, key: str, word: str) -> None:
        """Remember a word."""
        words = self._kinds[kind]
        if not key or words.get(key) == word or (key not in words and len(words) >= MAX_REMEMBERED):
            return
        words[key] = word
        self._changed = True

    def forget(self, kind: str, key: str) -> None:
        """Remember it no more."""
        if self._kinds[kind].pop(key, None) is not None:
            self._changed = True


def learn(element: Any, memory: Memory) -> bool:
    """Remember what an element of a classifier or a package tells; False when it tells nothing."""
    name = local(element)
    if name == "Склад" and (element.get("ИдСклада") or local(element.getparent()) != "Склады"):
        return False  # of an offer: most of them are
    around = chain_of(element)
    if name == "Группа" and around[:1] == ["Группы"]:
        if around[1:2] != ["Группа"]:
            _learn_groups(element, memory, "", 0)
        else:
            return False  # told by the group around it
    elif name == "Справочник":
        memory.tell(
            "values", id_of(text_of(element, "ИдЗначения")), text_of(element, "Значение") or ""
        )
    elif name == "Свойство" and around[:1] == ["Свойства"]:
        memory.tell(
            "properties", id_of(text_of(element, "Ид")), text_of(element, "Наименование") or ""
        )
    elif name == "Склад" and around[:1] == ["Склады"] and "Предложение" not in around:
        word = text_of(element, "Наименование") or ""
        memory.tell("warehouses", id_of(text_of(element, "Ид")), word)
    elif name == "ТипЦены" and around[:1] == ["ТипыЦен"]:
        word = f"{text_of(element, 'Валюта')}|{text_of(element, 'Наименование')}"
        memory.tell("price_types", id_of(text_of(element, "Ид")), word)
    elif name == "ЕдиницаИзмерения" and around[:1] == ["ЕдиницыИзмерения"]:
        code = (text_of(element, "Код") or text_of(element, "Ид") or "").strip()
        memory.tell(
            "units",
            code,
            text_of(element, "НаименованиеКраткое") or text_of(element, "НаименованиеПолное") or "",
        )
    else:
        return False
    return True


def _learn_groups(group: Any, memory: Memory, path: str, depth: int) -> None:
    name = text_of(group, "Наименование") or ""
    path = f"{path} / {name}" if path else name
    memory.tell("groups", id_of(text_of(group, "Ид")), path)
    below = child_of(group, "Группы")
    if below is not None and depth < MAX_DEPTH:
        for one in children_of(below, "Группа"):
            _learn_groups(one, memory, path, depth + 1)


def product_of(element: Any, memory: Memory) -> dict[str, Any]:
    """A Товар as plain fields; what it does not tell has no key."""
    item, characteristic = split_id(text_of(element, "Ид"), text_of(element, "ИдХарактеристики"))
    found: dict[str, Any] = {"Ид": item, "ИдХарактеристики": characteristic}
    for name in ("Артикул", "Штрихкод", "Наименование", "Описание", "Код"):
        value = text_of(element, name, None)
        if value is not None:
            found[name] = value
    unit = unit_of(element, memory)
    if unit is not None:
        found["БазоваяЕдиница"] = unit
    groups = child_of(element, "Группы")
    if groups is not None:
        ids = [id_of(one.text) for one in children_of(groups, "Ид")]
        found["Группа"] = "; ".join(filter(None, (memory.get("groups", one) for one in ids)))
    maker = child_of(element, "Изготовитель")
    if maker is not None:
        found["Изготовитель"] = text_of(maker, "Наименование") or ""
    found["ПометкаУдаления"] = "true" if is_marked(element) else "false"
    found["Реквизиты"] = dict(requisites(element))
    for name in ("ВидНоменклатуры", "ТипНоменклатуры", "Полное наименование", "Код"):
        if name in found["Реквизиты"]:
            found.setdefault(name.replace("Полное наименование", "ПолноеНаименование"),
                             found["Реквизиты"][name])  # fmt: skip
    found["Свойства"] = dict(properties(element, memory))
    if characteristic and (said := characteristics_of(element)):
        found["Характеристика"] = said
    _note_service(found, memory)
    return found


def _note_service(found: Mapping[str, Any], memory: Memory) -> None:
    """A service has no stock: its offers' zeros are none."""
    kind = found.get("ТипНоменклатуры")
    if kind is None:
        return
    if str(kind).strip().lower() == "услуга":
        memory.tell("services", found["Ид"], "1")
    else:
        memory.forget("services", found["Ид"])


def unit_of(element: Any, memory: Memory) -> str | None:
    """The short name of the base unit; None when the element names none."""
    unit = child_of(element, "БазоваяЕдиница")
    if unit is None:
        return None
    said = clean_text((unit.text or "").strip())
    code = (said if said.isdigit() else unit.get("Код") or "").strip()
    if said and not said.isdigit():
        return said
    known = memory.get("units", code) or UNITS.get(code.zfill(3) if code else "", "")
    return known or (unit.get("НаименованиеПолное") or "").strip() or code


def requisites(element: Any) -> Iterator[tuple[str, str]]:
    """The pairs of ЗначенияРеквизитов."""
    held = child_of(element, "ЗначенияРеквизитов")
    for one in held if held is not None else ():
        name = text_of(one, "Наименование")
        if name:
            yield name, text_of(one, "Значение") or ""


def properties(element: Any, memory: Memory) -> Iterator[tuple[str, str]]:
    """The pairs of ЗначенияСвойств, ids of the classifier said in its words."""
    held = child_of(element, "ЗначенияСвойств")
    for one in held if held is not None else ():
        name = text_of(one, "Наименование") or memory.get("properties", id_of(text_of(one, "Ид")))
        values = [clean_text((value.text or "").strip()) for value in children_of(one, "Значение")]
        said = [memory.get("values", id_of(value), value) for value in values if value]
        if name and said:
            yield name, ", ".join(said)


def characteristics_of(element: Any) -> str:
    """ХарактеристикиТовара as words: «Размер: 40, Цвет: Коричневый»."""
    held = child_of(element, "ХарактеристикиТовара")
    pairs = [
        (text_of(one, "Наименование") or "", text_of(one, "Значение") or "")
        for one in (held if held is not None else ())
    ]
    return ", ".join(f"{name}: {value}" if name else value for name, value in pairs if value)
