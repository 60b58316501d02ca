"""Polls of a WooCommerce shop: what changed since the cursor, the history, the connection test.

The shop never repeats a failed webhook and switches one off after a row of failures, so the poll
of orders is what makes the hub complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors._protocols.checks import tls_step
from connectors._protocols.wordpress import Reply
from connectors.woocommerce.client import Shop
from connectors.woocommerce.webhook import moment, records_of, version_of
from hub.sdk.connection import Connection
from hub.sdk.errors import AuthError, ConfigError, HubError, PayloadError, Rejected
from hub.sdk.records import CheckStep, Page, SourceRecord


def read(connection: Connection, stream: str, cursor: Mapping[str, Any]) -> Iterator[Page]:
    """Read `orders` or `products` changed since the cursor, or all `customers`.

    Cursor: `{"modified_after": "2026-01-12T15:21:10"}` (UTC); it moves on the last page only, so a
    run that breaks off begins again. ConfigError for another stream.
    """
    shop = Shop(connection)
    if stream == "customers":
        for reply in shop.customers():
            records, rejected = _records("customer", reply)
            yield Page(records, cursor=dict(cursor), rejected=rejected)
    elif stream in {"orders", "products"}:
        yield from _changed(shop, connection, stream, cursor)
    else:
        raise ConfigError(f"WooCommerce has no stream «{stream}»", place="schedule")


def history(connection: Connection, since: datetime, until: datetime) -> Iterator[SourceRecord]:
    """Every order created in the period, `since` included, `until` not."""
    replies = Shop(connection).orders(
        after=_gmt(since - timedelta(seconds=1)), before=_gmt(until), dates_are_gmt="true"
    )
    for reply in replies:
        yield from _records("order", reply)[0]


def cursor_since(
    connection: Connection, stream: str, cursor: Mapping[str, Any], since: datetime
) -> Mapping[str, Any] | None:
    """Orders and products are asked for by their time of change; customers always come whole."""
    return {"modified_after": _gmt(since)} if stream in {"orders", "products"} else None


def check(connection: Connection) -> Iterable[CheckStep]:
    """Test the address, TLS, the keys, and that every webhook to this hub is switched on."""
    url = str(connection.settings.get("url") or "")
    try:
        shop = Shop(connection)
        shop.sample()
    except HubError as error:
        yield from _failed(url, error)
        return
    yield CheckStep("address", ok=True, message=url)
    yield tls_step(url)
    yield CheckStep("login", ok=True, message="ключи приняты, заказы читаются")
    try:
        hooks = _own_webhooks(shop, connection)
    except HubError as error:
        said = f"список webhook не прочитан ({error.message}). "
        yield CheckStep(
            "webhooks", False, said + "Выпустите ключи от имени администратора магазина"
        )
        return
    off = _switched_off(hooks)
    if not hooks:
        message = "в магазине нет ни одного webhook: изменения придут только с опросом"
    elif off:
        message = "; ".join(f"{place}: {reason}" for place, reason in off)
    else:
        message = f"включены: {len(hooks)}"
    yield CheckStep("webhooks", ok=bool(hooks) and not off, message=message)


def _changed(
    shop: Shop, connection: Connection, stream: str, cursor: Mapping[str, Any]
) -> Iterator[Page]:
    newest, filters = str(cursor.get("modified_after") or ""), {"dates_are_gmt": "true"}
    if since := moment({"cursor": newest}, ["cursor"]):
        overlap = timedelta(minutes=int(connection.settings.get("overlap_minutes") or 0))
        filters["modified_after"] = _gmt(since - overlap)
    started = ""
    for reply in shop.orders(**filters) if stream == "orders" else shop.products(**filters):
        started = started or _gmt(reply.answered_at)
        records, rejected = _records(stream.removesuffix("s"), reply)
        newest = max([newest, *(record.version.partition("Z")[0] for record in records)])
        if stream == "products":
            more, missed = _variations(shop, reply)
            records, rejected = records + more, rejected + missed
        covered = dict(cursor)
        if reply.last:
            # What changed behind our back after `started` may have been read before it changed.
            covered = {"modified_after": min(newest, started)} if newest else covered
            rejected += _webhook_trouble(shop, connection) if stream == "orders" else []
        yield Page(records, cursor=covered, rejected=rejected)


def _records(resource: str, reply: Reply) -> tuple[list[SourceRecord], list[tuple[str, str]]]:
    records, rejected = [], []
    for place, row in enumerate(reply.rows, start=1):
        try:
            records += records_of(resource, row, reply.answered_at)
        except PayloadError as error:
            rejected.append((f"{resource} {place}", error.message))
    return records, rejected


def _variations(shop: Shop, products: Reply) -> tuple[list[SourceRecord], list[tuple[str, str]]]:
    """Read the variations of the page's variable products: they hold the prices and the stock."""
    records: list[SourceRecord] = []
    rejected: list[tuple[str, str]] = []
    for product in products.rows:
        if not isinstance(product, dict) or product.get("type") != "variable":
            continue
        parent_id = product.get("id")
        if not isinstance(parent_id, int):
            continue  # listed already as a product without an id
        try:
            for reply in shop.variations(parent_id):
                rows = [
                    # Older shops name neither the parent nor the product in a variation.
                    {"parent_id": parent_id, "name": product.get("name"), **row}
                    for row in reply.rows
                    if isinstance(row, dict)
                ]
                whole = Reply(rows, reply.answered_at, reply.total, reply.last)
                found, missed = _records("product", whole)
                records, rejected = records + found, rejected + missed
        except (Rejected, PayloadError) as error:
            rejected.append((f"variations of product {parent_id}", error.message))
    return records, rejected


def _webhook_trouble(shop: Shop, connection: Connection) -> list[tuple[str, str]]:
    """List the webhooks that the shop switched off; it tells nobody, and never retries.

    Keys without the right to see webhooks must not stop the orders.
    """
    try:
        return _switched_off(_own_webhooks(shop, connection))
    except HubError:
        return []


def _own_webhooks(shop: Shop, connection: Connection) -> list[dict[str, Any]]:
    """Return the webhooks that lead to this connection; all, when none names it in its address."""
    hooks, own = shop.webhooks(), f"/in/{connection.name}"
    mine = [hook for hook in hooks if own in str(hook.get("delivery_url"))]
    return mine or hooks


def _switched_off(hooks: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [
        (
            f"webhook {hook.get('id')} «{hook.get('name')}» ({hook.get('topic')})",
            f"состояние {hook.get('status')}; откройте его в магазине и поставьте «Активен»",
        )
        for hook in hooks
        if hook.get("status") != "active"
    ]


def _failed(url: str, error: HubError) -> Iterator[CheckStep]:
    """Tell from one error how far the call came."""
    if isinstance(error, ConfigError) or error.detail == "transport":
        yield CheckStep("address", ok=False, message=error.message)
        return
    yield CheckStep("address", ok=True, message=url)
    if error.detail == "tls":
        yield CheckStep("tls", ok=False, message=error.message)
        return
    yield tls_step(url)
    if isinstance(error, AuthError):
        hint = "Проверьте ключи; если они верны, включите «Передавать ключи в адресе запроса»"
    elif isinstance(error, Rejected):
        hint = "Проверьте адрес (без перенаправлений) и постоянные ссылки WordPress: не «Простые»"
    else:
        hint = "По этому адресу отвечает не REST API магазина, или магазин сейчас недоступен"
    yield CheckStep("login", ok=False, message=f"{hint}. Ответ: {error.message}")


def _gmt(when: datetime) -> str:
    """Write a time as the shop's `*_gmt` fields do."""
    return version_of(when).removesuffix("Z")
