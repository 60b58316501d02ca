"""A small honest WooCommerce: the REST API v3 and the webhooks it signs.

Like the real shop it sends an order as it stands when it sends it, repeats itself, keeps no order,
and loses some deliveries for good: those orders are only in the REST API.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from hub.sdk.request import RawRequest
from hub.sdk.signatures import encode, hmac_sha256
from hub.sdk.testing import VendorServer, body_of, reply

SECRET: Final = "emulated & secret"  # noqa: S105  # invented; the ampersand is what WordPress escapes
KEY, KEY_SECRET = "ck_emulated", "cs_emulated"
#: The shop's own zone, in which it reads a date without `dates_are_gmt`.
SITE_OFFSET: Final = timedelta(hours=3)
BUYERS: Final = (
    # customer id (0: a guest), first name, last name, phone, e-mail
    (11, "Анна", "Смирнова", "+7 900 000-00-01", "anna@example.ru"),
    (12, "Борис", "Ильин", "8 (900) 000-00-02", "boris@example.ru"),
    (13, "Вера", "Котова", "79000000003", "vera@example.ru"),
    (0, "Глеб", "Орлов", "8-900-000-00-04", "gleb@example.ru"),
    (0, "Дарья", "Белова", "+79000000005", "Darya@Example.ru"),
    (0, "Егор", "Зуев", "9000000006", "egor@example.ru"),
)
STATUSES: Final = ("pending", "processing", "completed")
ORDERS, LOST = 14, frozenset({3, 9})


class Emulator:
    """One emulated shop. `orders`, `customers`, `products`, `variations`, `hooks` may be changed.

    `down` is an HTTP status that the shop answers to everything, None when it is well. `batches`
    are the updates it was sent, `echoes` the webhooks that these made, `refused` says of an id
    with which code and words its update is refused, a `poison` id spoils its whole batch,
    `read_only` keys may not write.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self.now = (now or datetime.now(UTC)).replace(microsecond=0, tzinfo=None)
        self.down: int | None = None
        self.read_only = False
        self.refused: dict[int, tuple[str, str]] = {}
        self.poison: set[int] = set()
        self.batches: list[tuple[str, list[dict[str, Any]]]] = []
        self.echoes: list[RawRequest] = []
        self._server = VendorServer(self._serve)
        self._started = False
        self.customers = [_customer(buyer, self.now) for buyer in BUYERS if buyer[0]]
        self.products, self.variations = _catalogue(self.now)
        self._versions = [order_versions(n, self.now) for n in range(ORDERS)]
        self.orders = [versions[-1] for versions in self._versions]
        topics = ("order.created", "order.updated", "customer.updated", "product.updated")
        self.hooks = [
            {"id": n, "name": topic, "status": "active", "topic": topic, "delivery_url": ""}
            for n, topic in enumerate(topics, start=1)
        ]

    def start(self) -> None:
        """Serve the REST API."""
        self._server.start()
        self._started = True

    def stop(self) -> None:
        """Stop serving."""
        if self._started:
            self._server.stop()

    def connection(self) -> dict[str, Any]:
        """The connection file for this shop."""
        return {
            "connector": "woocommerce",
            "title": "Магазин (эмулятор)",
            "settings": {"url": self._server.url},
            "secrets": {
                "webhook_secret": SECRET,
                "consumer_key": KEY,
                "consumer_secret": KEY_SECRET,
            },
            "schedule": {"orders": "every 15m", "customers": "every 6h", "products": "every 6h"},
        }

    def webhooks(self) -> list[RawRequest]:
        """The ping, then deliveries late, repeated and out of order; two orders' never come."""
        sent = [
            signed("order.created" if step == 0 else "order.updated", order)
            for number, versions in enumerate(self._versions)
            if number not in LOST
            for step, order in enumerate(versions)
        ]
        shuffled = [*sent[::3], *sent[2::3], *sent[1::3], *sent[::4]]
        people = [signed("customer.updated", customer) for customer in self.customers]
        goods = [signed("product.updated", product) for product in self.products[:2]]
        return [ping(), *shuffled, *people, *people[:1], *goods]

    def expected(self) -> Mapping[str, int]:
        """What the webhooks and one poll of every stream leave."""
        goods, people = len(self._goods()), len(BUYERS)
        return {"order": len(self.orders), "contact": people, "product": goods, "stock": goods}

    def _serve(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        path = str(environ.get("PATH_INFO", "")).removeprefix("/wp-json/wc/v3/")
        if self.down:
            return reply(start, self.down, b"<html>Error</html>", "text/html")
        if not _has_keys(str(environ.get("HTTP_AUTHORIZATION", "")), query):
            return _error(start, 401, "woocommerce_rest_cannot_view")
        lists = {
            "orders": self.orders,
            "customers": self.customers,
            "products": self.products,
            "webhooks": self.hooks,
            **{f"products/{number}/variations": rows for number, rows in self.variations.items()},
        }
        if environ["REQUEST_METHOD"] == "POST" and path.endswith("/batch"):
            return self._batch(start, path.removesuffix("/batch"), body_of(environ))
        if path not in lists:
            return _error(start, 404, "rest_no_route")
        if skus := query.get("sku", ""):
            wanted = {*skus.split(","), skus}
            lists["products"] = [row for row in self._goods() if row["sku"] in wanted]
        rows = sorted(_filtered(lists[path], query), key=lambda row: row["id"])
        size, page = int(query.get("per_page", 10)), int(query.get("page", 1))
        body = json.dumps(rows[size * (page - 1) : size * page], ensure_ascii=False).encode()
        counts = [("X-WP-Total", str(len(rows))), ("X-WP-TotalPages", str(-(-len(rows) // size)))]
        return reply(start, 200, body, "application/json; charset=UTF-8", counts)

    def _goods(self) -> list[dict[str, Any]]:
        return [*self.products, *(row for rows in self.variations.values() for row in rows)]

    def _batch(self, start: StartResponse, path: str, body: bytes) -> Iterable[bytes]:
        """Update many objects: each has its own answer, all in a reply of 200."""
        if self.read_only:
            return _error(start, 401, "woocommerce_rest_authentication_error")
        updates = json.loads(body).get("update", [])
        if len(updates) > 100:
            return _error(start, 413, "woocommerce_rest_request_entity_too_large")
        if any(update["id"] in self.poison for update in updates):
            return _error(start, 400, "rest_invalid_param")
        self.batches.append((path, updates))
        parent = path.removeprefix("products").removesuffix("/variations").strip("/")
        if (rows := self.variations.get(int(parent)) if parent else self.products) is None:
            return _error(start, 404, "woocommerce_rest_product_invalid_id")
        answers = [self._update(update, rows, parent) for update in updates]
        return reply(start, 200, json.dumps({"update": answers}).encode())

    def _update(self, update: Any, rows: list[dict[str, Any]], parent: str) -> dict[str, Any]:
        code, words = self.refused.get(update["id"], ("", ""))
        row = next((row for row in rows if row["id"] == update["id"]), None)
        if row is None and not code:
            kind, words = ("product_variation" if parent else "product"), "Недопустимый ID."
            code = f"woocommerce_rest_{kind}_invalid_id"
            if not parent and any(row["id"] == update["id"] for row in self._goods()):
                code = "woocommerce_rest_invalid_product_id"
        if row is None or code:
            return {"id": update["id"], "error": {"code": code, "message": words}}
        row |= {"manage_stock": update.get("manage_stock", row["manage_stock"])}
        row |= {"stock_quantity": update["stock_quantity"]} if row["manage_stock"] else {}
        row |= times(datetime.fromisoformat(row["date_created_gmt"]), self.now)
        self.echoes.append(signed("product.updated", row))
        return copy.deepcopy(row)


def signed(topic: str, resource: Mapping[str, Any], secret: str = SECRET) -> RawRequest:
    """Build a delivery as `WC_Webhook::deliver` does."""
    body = json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
    kind, _, happened = topic.partition(".")
    webhook, second = "12", str(resource.get("date_modified_gmt", ""))
    delivery = hashlib.sha256((webhook + second).encode()).hexdigest()[:32]
    return RawRequest(
        body=body,
        headers=(
            ("Content-Type", "application/json"),
            ("User-Agent", "WooCommerce/9.4.2 Hookshot (WordPress/6.7)"),
            ("X-WC-Webhook-Source", "https://shop.example/"),
            ("X-WC-Webhook-Topic", topic),
            ("X-WC-Webhook-Resource", kind),
            ("X-WC-Webhook-Event", happened),
            ("X-WC-Webhook-Signature", encode(hmac_sha256(secret, body), "base64")),
            ("X-WC-Webhook-ID", webhook),
            ("X-WC-Webhook-Delivery-ID", delivery),
        ),
    )


def ping() -> RawRequest:
    """Build what the shop sends when a webhook is saved: no signature, no topic."""
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    return RawRequest(body=b"webhook_id=12", headers=(kind,))


def _has_keys(header: str, query: Mapping[str, str]) -> bool:
    basic = base64.b64encode(f"{KEY}:{KEY_SECRET}".encode()).decode()
    in_query = (query.get("consumer_key"), query.get("consumer_secret"))
    return header == f"Basic {basic}" or in_query == (KEY, KEY_SECRET)


def _error(start: StartResponse, status: int, code: str) -> list[bytes]:
    words = {"code": code, "message": "Извините, нельзя.", "data": {"status": status}}
    return reply(start, status, json.dumps(words).encode())


def _filtered(rows: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    shift = timedelta() if query.get("dates_are_gmt") == "true" else SITE_OFFSET
    for name, field, later in (
        ("modified_after", "date_modified_gmt", True),
        ("after", "date_created_gmt", True),
        ("before", "date_created_gmt", False),
    ):
        if name in query:
            limit = (datetime.fromisoformat(query[name]) - shift).isoformat()
            rows = [row for row in rows if row[field] != limit and (row[field] > limit) is later]
    return rows


def times(created: datetime, modified: datetime) -> dict[str, str]:
    """When an object was made and changed, as the shop writes it."""
    stamps = {"date_created": created, "date_modified": modified}
    site = {name: (when + SITE_OFFSET).isoformat() for name, when in stamps.items()}
    return {**site, **{f"{name}_gmt": when.isoformat() for name, when in stamps.items()}}


def _billing(buyer: tuple[int, str, str, str, str]) -> dict[str, str]:
    _, first, last, phone, email = buyer
    names = {"first_name": first, "last_name": last, "email": email, "phone": phone, "company": ""}
    place = {"address_1": "ул. Садовая, 1", "address_2": "", "city": "Казань", "state": ""}
    return {**names, **place, "postcode": "420000", "country": "RU"}


def _customer(buyer: tuple[int, str, str, str, str], now: datetime) -> dict[str, Any]:
    number, first, last, _, email = buyer
    names = {"email": email, "first_name": first, "last_name": last, "role": "customer"}
    then = times(now - timedelta(days=40), now - timedelta(days=40))
    return {"id": number, **then, **names, "billing": _billing(buyer)}


def _catalogue(
    now: datetime,
) -> tuple[list[dict[str, Any]], dict[int, list[dict[str, Any]]]]:
    since = now - timedelta(days=30)

    def product(number: int, name: str, sku: str, quantity: int, **more: Any) -> Any:
        stock = {"manage_stock": True, "stock_quantity": quantity}
        kind = {"type": "simple", "status": "publish", "parent_id": 0, "attributes": []}
        words = {"name": name, "sku": sku, "price": "1990.00", "description": f"<p>{name}</p>"}
        return {"id": number, **times(since, since), **kind, **words, **stock, **more}

    products = [
        product(21, "Шапка &laquo;Зима&raquo;", "HAT-1", 12),
        product(22, "Шарф", "SCF-1", 0),
        product(23, "Подарочная карта", "GIFT", 50),
        product(30, "Куртка", "JKT", 3, type="variable"),
    ]
    sizes = [
        {"type": "variation", "parent_id": 30, "attributes": [{"name": "Размер", "option": size}]}
        for size in ("M", "L")
    ]
    medium = product(31, "Куртка", "JKT-M", 4, **sizes[0])
    return products, {30: [medium, product(32, "Куртка", "JKT-L", 7, **sizes[1])]}


def order_versions(number: int, now: datetime) -> list[dict[str, Any]]:
    """Every state that the order `number` went through, one to three of them, oldest first."""
    buyer = BUYERS[number % len(BUYERS)]
    created = now - timedelta(days=ORDERS - number, minutes=7)
    quantity, total = 1 + number % 3, f"{1990 * (1 + number % 3)}.00"
    line = {"id": 500 + number, "name": "Куртка &ndash; M", "product_id": 30, "variation_id": 31}
    line |= {"quantity": quantity, "subtotal": total, "total": total, "sku": "JKT-M", "price": 1990}
    order = {
        "id": 700 + number,
        "number": str(700 + number),
        "currency": "RUB",
        "customer_id": buyer[0],
        "billing": _billing(buyer),
        "shipping": _billing(buyer),
        "total": f"{1990 * quantity + 390}.00",
        "shipping_total": "390.00",
        "payment_method_title": "Картой на сайте",
        "customer_note": "",
        "line_items": [line],
        "shipping_lines": [{"id": 1, "method_title": "Курьер", "total": "390.00"}],
        "meta_data": [{"id": 1, "key": "_wc_order_attribution_utm_source", "value": "yandex"}],
    }
    versions = []
    for step in range(1 + number % 3):
        modified = created + timedelta(minutes=step)
        paid = (created + timedelta(minutes=1)).isoformat() if step else None
        state = {"status": STATUSES[step], **times(created, modified), "date_paid_gmt": paid}
        versions.append({**copy.deepcopy(order), **state})
    return versions
