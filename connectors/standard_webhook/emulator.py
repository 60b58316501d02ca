"""A site with lead forms: posts leads signed as the DESIGN's `site-forms.yml` example says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hub.sdk.request import RawRequest
from hub.sdk.signatures import hmac_sha256

SECRET = "site-forms-demo-secret"  # noqa: S105  # invented, for the demo only
#: (lead id, subject, name, phone, e-mail, channel); two leads come from one person.
LEADS = (
    ("L-501", "Расчёт кухни", "Мария Лескова", "+7 916 000-51-01", "leskova@example.ru", "yandex"),
    ("L-502", "Замер шкафа", "Пётр Зимин", "8 (916) 000-51-02", "zimin@example.ru", "google"),
    ("L-503", "Обратный звонок", "Ольга", "+79160005103", "olga@example.ru", "direct"),
    ("L-504", "Оптовый прайс", "ООО «Берег»", "+7 (916) 000-51-04", "opt@bereg.example", "vk"),
    ("L-505", "Доставка в Тверь", "Мария Лескова", "+79160005101", "leskova@example.ru", "email"),
    ("L-506", "Гарантия", "Игорь Носов", "8 916 000 51 06", "nosov@example.ru", "yandex"),
    ("L-507", "Сборка мебели", "Анна Ким", "+7-916-000-51-07", "kim@example.ru", "telegram"),
    ("L-508", "Дизайн-проект", "Лев Орлов", "+7 916 000 51 08", "orlov@example.ru", "direct"),
)


def signed(body: Mapping[str, Any]) -> RawRequest:
    """One request as the site sends it: JSON, `X-Signature: sha256=<hex>`."""
    raw = json.dumps(body, ensure_ascii=False).encode()
    return RawRequest(
        body=raw,
        headers=(
            ("Content-Type", "application/json; charset=utf-8"),
            ("User-Agent", "site-forms/1.0"),
            ("X-Signature", f"sha256={hmac_sha256(SECRET, raw).hex()}"),
        ),
    )


def lead(event_id: str, row: tuple[str, str, str, str, str, str], subject: str = "") -> RawRequest:
    """One signed lead."""
    lead_id, title, name, phone, email, source = row
    return signed(
        {
            "id": event_id,
            "type": "lead",
            "lead": {
                "id": lead_id,
                "subject": subject or title,
                "name": name,
                "phone": phone,
                "email": email,
                "utm": {"source": source},
            },
        }
    )


class Emulator:
    """Sends only: there is nothing to serve."""

    def start(self) -> None:
        """Nothing to serve."""

    def stop(self) -> None:
        """Nothing to stop."""

    def connection(self) -> dict[str, Any]:
        """The example connection of the contract."""
        return {
            "connector": "standard_webhook",
            "title": "Заявки с сайта",
            "settings": {
                "scheme": "hmac",
                "header": "X-Signature",
                "encoding": "hex",
                "prefix": "sha256=",
                "body": "json",
                "event_id": "id",
                "ordering_key": "lead.id",
                "records": [{"entity": "lead", "when": "type == 'lead'", "from": "lead"}],
            },
            "secrets": {"secret": SECRET},
            "mappings": {
                "lead": {
                    "external_id": "id",
                    "fields": {"title": "subject", "channel": "utm.source"},
                    "contact": {
                        "name": "name",
                        "phone": {"from": "phone", "as": "phone"},
                        "email": {"from": "email", "as": "email"},
                    },
                }
            },
        }

    def webhooks(self) -> list[RawRequest]:
        """Eight leads, one of them corrected later, three deliveries repeated, one ping."""
        first = [lead(f"evt-{number:04}", row) for number, row in enumerate(LEADS, start=1)]
        corrected = lead("evt-0009", LEADS[1], subject="Замер шкафа и кухни")
        ping = signed({"id": "evt-0010", "type": "ping"})
        return [ping, *first[:3], first[0], *first[3:], corrected, first[6], corrected]

    def expected(self) -> Mapping[str, int]:
        """Eight leads of seven people."""
        return {"lead": len(LEADS), "contact": len({row[4] for row in LEADS})}
