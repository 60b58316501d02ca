"""What the vendors say during a soak: a script that the seed alone decides, in chapters.

Everything in it carries a version of its own (calls by their legs, orders by their moment, leads by
a revision), so that no order of arrival and no repetition may change what it ends in.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.mailgun import emulator as mailgun
from connectors.mango.emulator import Emulator as Mango
from connectors.standard_webhook import emulator as site
from connectors.woocommerce import emulator as shop
from hub.sdk.request import RawRequest

#: The script's present; nothing in it depends on the moment it is run.
START = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
CHAPTERS_A_DAY = 10
ORDERS, MAILS, LEADS = 2, 2, 3
PEOPLE = 40
WAREHOUSES = ("Основной склад", "Магазин")
CHANNELS = ("yandex", "google", "direct", "vk")
STATUSES = ("pending", "on-hold", "processing", "completed", "refunded")
Stock = dict[tuple[str, str], int]


@dataclass(frozen=True)
class Post:
    """One request; `times` above 1 is a vendor that sends it again though it was answered."""

    connection: str
    request: RawRequest
    times: int = 1


@dataclass
class Chapter:
    """What happens at about the same time; `stock` is what 1C holds from then on."""

    number: int
    posts: list[Post] = field(default_factory=list)
    stock: Stock = field(default_factory=dict)


def chapters(seed: int, count: int) -> Iterator[Chapter]:
    """The first `count` chapters of the script of this seed."""
    chance = random.Random(f"script {seed}")  # noqa: S311  # a script, not a secret
    stock: Stock = {(f"А-{n}", WAREHOUSES[n % 2]): 10 * n for n in range(60)}
    calls: list[RawRequest] = []
    for number in range(count):
        if number % CHAPTERS_A_DAY == 0:
            calls = Mango(seed=seed + number, now=START, day=number // CHAPTERS_A_DAY).webhooks()
        part = calls[number % CHAPTERS_A_DAY :: CHAPTERS_A_DAY]
        said = [("mango", request) for request in part]
        said += [("shop", one) for place in range(ORDERS) for one in _order(chance, number, place)]
        said += [("mail", one) for one in _thread(number)]
        said += [("site", one) for place in range(LEADS) for one in _lead(chance, number, place)]
        chance.shuffle(said)
        posts = [Post(*one, times=1 + (chance.random() < 0.15)) for one in said]
        stock = _moved(chance, stock, number)
        yield Chapter(number, posts, stock)


def _order(chance: random.Random, chapter: int, place: int) -> list[RawRequest]:
    """Every version of one order, later ones with another amount and note."""
    number = chapter * ORDERS + place
    first = shop.order_versions(number, (START - timedelta(days=number)).replace(tzinfo=None))[0]
    requests = [shop.signed("order.created", first)]
    made = datetime.fromisoformat(first["date_modified_gmt"])
    for step in range(1, chance.randint(2, len(STATUSES))):
        moment = (made + timedelta(minutes=step)).isoformat()
        changed: dict[str, Any] = {
            "status": STATUSES[step],
            "customer_note": f"правка {step}",
            "total": f"{990 * step + number}.00",
            "date_modified_gmt": moment,
        }
        requests.append(shop.signed("order.updated", {**first, **changed}))
    return requests


def _thread(chapter: int) -> list[RawRequest]:
    """A question and its answers, one conversation."""
    person = chapter % PEOPLE
    who = (f"Корреспондент {person}", f"writer{person}@client.example")
    mails: list[mailgun.Mail] = []
    before: tuple[str, ...] = ()
    for place in range(MAILS):
        name = f"soak-{chapter}-{place}"
        mails.append(mailgun.Mail(name, *who, f"Вопрос {chapter}", f"Письмо {place}.", before))
        before = (*before, name)
    return [mailgun.urlencoded(_dated(mail)) for mail in mails]


def _dated(mail: mailgun.Mail) -> list[tuple[str, str]]:
    """The form with a Date and a stamp that the script decides."""
    date = "Mon, 12 Jan 2026 12:00:00 +0300"
    headers = [[name, date if name == "Date" else value] for name, value in mail.headers()]
    form = mailgun.fields(mail, headers)
    token = dict(form)["token"]
    signed = dict(mailgun.sign(token, int(START.timestamp())))
    return [(name, signed.get(name, value)) for name, value in form]


def _lead(chance: random.Random, chapter: int, place: int) -> list[RawRequest]:
    """A lead and its corrections; a person always gives the same name, phone and address."""
    number = chapter * LEADS + place
    person = chance.randrange(PEOPLE)
    channel = chance.choice(CHANNELS)

    def revision(rev: int) -> RawRequest:
        lead = {
            "id": f"L-{number}",
            "rev": rev,
            "subject": f"Заявка {number}, правка {rev}",
            "name": f"Клиент {person}",
            "phone": f"+7925{person:07}",
            "email": f"client{person}@example.ru",
            "utm": {"source": channel},
        }
        return site.signed({"id": f"evt-{number}-{rev}", "type": "lead", "lead": lead})

    return [revision(rev) for rev in range(1, chance.randint(2, 4))]


def _moved(chance: random.Random, stock: Stock, chapter: int) -> Stock:
    """Some goods sold, one new, now and then one gone."""
    moved = dict(stock)
    for key in chance.sample(sorted(moved), 5):
        moved[key] += chance.randint(-9, 9)
    moved[(f"Н-{chapter}", WAREHOUSES[chapter % 2])] = chapter
    if chapter % 2:
        del moved[chance.choice(sorted(moved))]
    return moved
