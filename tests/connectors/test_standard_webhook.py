"""Webhooks of any sender: every kind of body, every row of `records`, every wrong body."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.standard_webhook import webhook
from connectors.standard_webhook.emulator import Emulator
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, Ignored, PayloadError
from hub.sdk.records import SourceRecord
from hub.sdk.request import Event, RawRequest

NOW = datetime(2026, 1, 12, 15, 21, 12, tzinfo=UTC)
ROWS = [{"entity": "lead", "when": "type == 'lead'", "from": "lead"}]


def connect(secret: str | list[str] = "s3cr3t", **settings: Any) -> Connection:
    return make_connection(
        {
            "connector": "standard_webhook",
            "settings": {"records": ROWS, **settings},
            "secrets": {"secret": secret},
        }
    )


def request(headers: Mapping[str, str] | None = None, body: bytes = b"{}") -> RawRequest:
    return RawRequest(body=body, headers=tuple((headers or {}).items()))


def parse(sent_body: bytes | str, content_type: str = "", **settings: Any) -> list[SourceRecord]:
    raw = sent_body.encode() if isinstance(sent_body, str) else sent_body
    sent = request({"Content-Type": content_type}, raw)
    connection = connect(scheme="hmac", **settings)
    return list(webhook.parse(Event(sent, NOW), connection))


class TestBodies:
    def test_json_numbers_stay_exact(self) -> None:
        (record,) = parse('{"type":"lead","lead":{"sum":0.10}}')
        assert str(record.data["sum"]) == "0.10"

    def test_php_form_becomes_a_tree(self) -> None:
        rows = [{"entity": "order", "from": "order", "external_id": "id"}]
        body = "order[id]=7&order[items][0][sku]=A&order[items][1][sku]=B&order[n]=%CE%E3"
        (record,) = parse(
            body,
            "application/x-www-form-urlencoded; charset=windows-1251",
            body="form",
            records=rows,
        )
        assert record.external_id == "7"
        assert record.data["items"] == [{"sku": "A"}, {"sku": "B"}]
        assert record.data["n"] == "Ог"

    def test_xml_is_its_roots_content(self) -> None:
        rows = [
            {
                "entity": "order",
                "when": "\"@root\" == 'orders' && \"@kind\" == 'new'",
                "from": "order",
                "external_id": '"@id"',
            }
        ]
        body = '<o:orders xmlns:o="urn:x" kind="new"><o:order id="1"/><o:order id="2"/></o:orders>'
        assert [item.external_id for item in parse(body, body="xml", records=rows)] == ["1", "2"]
        one = '<orders kind="new"><order id="1"><sum>5</sum></order></orders>'
        (record,) = parse(one, body="xml", records=rows)
        assert record.data == {"@id": "1", "sum": "5"}

    def test_xml_of_text_alone(self) -> None:
        (record,) = parse("<lead>Анна</lead>", body="xml", records=[{"entity": "lead"}])
        assert record.data == {"#text": "Анна", "@root": "lead"}

    def test_xml_bomb_is_refused(self) -> None:
        bomb = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
        with pytest.raises(PayloadError, match="DOCTYPE"):
            parse(bomb, body="xml")


class TestRecords:
    def test_list_gives_a_record_each(self) -> None:
        rows = [{"entity": "order", "from": "orders", "external_id": "id", "version": "rev"}]
        body = '{"orders":[{"id":1,"rev":9},{"id":2.0,"rev":10},{"id":"A-3","rev":"11"}]}'
        records = parse(body, records=rows)
        assert [item.external_id for item in records] == ["1", "2", "A-3"]
        assert [item.version for item in records] == sorted(item.version for item in records)

    def test_several_rows_may_fit_one_body(self) -> None:
        rows = [{"entity": "order", "from": "order"}, {"entity": "contact", "from": "buyer"}]
        records = parse('{"order":{"id":1},"buyer":{"id":2}}', records=rows)
        assert [item.entity for item in records] == ["order", "contact"]

    def test_versions_in_any_zone_sort_by_moment(self) -> None:
        rows = [{"entity": "order", "from": "@", "version": "at"}]
        stamps = ["2026-01-12T10:00:00+03:00", "2026-01-12T08:00:00Z", "2026-01-12T09:00:00.5Z"]
        body = json.dumps([{"at": stamp} for stamp in stamps])
        versions = [item.version for item in parse(body, records=rows)]
        assert versions == sorted(versions)

    def test_deleted_says_so(self) -> None:
        rows = [{"entity": "lead", "from": "lead", "deleted": "gone", "external_id": "id"}]
        (record,) = parse('{"gone":true,"lead":{"id":1}}', records=rows)
        assert record.deleted
        (record,) = parse('{"gone":false,"lead":{"id":1}}', records=rows)
        assert not record.deleted

    @pytest.mark.parametrize("body", ['{"type":"ping"}', "[]", "null", '"lead"', "{}", "12"])
    def test_body_that_no_row_fits_is_ignored(self, body: str) -> None:
        with pytest.raises(Ignored, match=r"settings\.records"):
            parse(body)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ('{"type":"lead"}', "not in this body"),
            ('{"type":"lead","lead":5}', "not an object"),
            ('{"type":"lead","lead":[[]]}', "not an object"),
            ("", "not JSON"),
            (b"\xff", "not UTF-8"),
            ('{"type":NaN}', "NaN"),
            ('{"a":1e999999999999999999999}', "exponent"),
            ('{"a":1e-999999999}', "too small"),
            ("[" * 5000 + "]" * 5000, "nested"),
        ],
    )
    def test_body_that_cannot_be_understood(self, body: bytes | str, reason: str) -> None:
        with pytest.raises(PayloadError, match=reason):
            parse(body)

    def test_missing_id_is_named(self) -> None:
        with pytest.raises(PayloadError, match=r"records\[0\]\.external_id «id» finds no id"):
            parse("{}", records=[{"entity": "lead", "external_id": "id"}])

    def test_expression_that_meets_other_data_is_named(self) -> None:
        rows = [{"entity": "lead", "when": "starts_with(type, 'lead')"}]
        with pytest.raises(PayloadError, match=r"records\[0\]\.when"):
            parse('{"type":5}', records=rows)

    def test_too_many_records_are_refused(self) -> None:
        body = json.dumps([{}] * 5001)
        with pytest.raises(PayloadError, match="5000"):
            parse(body, records=[{"entity": "lead"}])

    @pytest.mark.parametrize(
        ("row", "place"),
        [
            ({"entity": "lead", "when": "type =="}, r"records\[0\]\.when"),
            ({"entity": "leed"}, r"records\[0\]\.entity"),
            ({"entity": "lead", "form": "x"}, r"records\[0\]\.form"),
            ({"entity": "lead", "from": 5}, r"records\[0\]\.from"),
            ("lead", r"records\[0\]"),
        ],
    )
    def test_wrong_row_is_named(self, row: Any, place: str) -> None:
        with pytest.raises(ConfigError, match=f"settings.{place}"):
            parse("{}", records=[row])


class TestKeys:
    connection = connect(
        scheme="hmac", event_id="id", event_type="type", ordering_key="lead.id || lead.phone"
    )

    def keys(self, body: str) -> tuple[str, str, str]:
        sent = request(body=body.encode())
        functions = (webhook.event_key, webhook.event_type, webhook.ordering_key)
        first, second, third = (function(sent, self.connection) for function in functions)
        return first, second, third

    def test_found_in_the_body(self) -> None:
        assert self.keys('{"id":7,"type":"lead","lead":{"id":"L-1"}}') == ("7", "lead", "L-1")

    def test_absent_or_odd_values_give_nothing(self) -> None:
        assert self.keys('{"id":[1],"type":{},"lead":null}') == ("", "", "")
        assert self.keys("rubbish") == ("", "", "")

    def test_long_keys_stay_different_and_short(self) -> None:
        first, *_ = self.keys(json.dumps({"id": "a" * 300}))
        second, *_ = self.keys(json.dumps({"id": "a" * 301}))
        assert first != second
        assert max(len(first), len(second)) <= 255

    @given(st.binary(max_size=200), st.sampled_from(["json", "form", "xml"]), st.text(max_size=40))
    def test_rubbish_never_breaks_anything(self, body: bytes, kind: str, media: str) -> None:
        rows = [{"entity": "lead", "when": "abs(sum) > `0`", "from": "keys(@)"}]
        connection = connect(
            scheme="hmac", body=kind, event_id="to_number(id)", event_type="id", records=rows
        )
        sent = request({"Content-Type": media}, body)
        assert isinstance(webhook.event_key(sent, connection), str)
        assert isinstance(webhook.ordering_key(sent, connection), str)
        with contextlib.suppress(Ignored, PayloadError):
            assert list(webhook.parse(Event(sent, NOW), connection))

    @pytest.mark.parametrize("text", ["inf", "1e400", "nan", "-inf"])
    def test_numbers_out_of_this_world_are_no_key(self, text: str) -> None:
        connection = connect(scheme="hmac", event_id="to_number(id)")
        assert webhook.event_key(request(body=json.dumps({"id": text}).encode()), connection) == ""


class TestCheck:
    def steps(self, connection: Connection) -> dict[str, str]:
        return {step.name: "" if step.ok else step.message for step in webhook.check(connection)}

    def test_good_connection(self) -> None:
        assert not any(self.steps(connect(scheme="hmac", event_id="id")).values())

    def test_each_mistake_is_named(self) -> None:
        steps = self.steps(
            connect("whsec_?", scheme="standard", event_id="a..b", records=[{"entity": "x"}])
        )
        assert "secrets.secret" in steps["secret"]
        assert "settings.event_id" in steps["expressions"]
        assert "settings.records[0].entity" in steps["records"]

    def test_no_rows_is_a_mistake(self) -> None:
        assert "at least one" in self.steps(connect(scheme="hmac", records=[]))["records"]

    def test_token_needs_a_place(self) -> None:
        assert "exactly one" in self.steps(connect(scheme="token"))["secret"]


def test_the_emulators_leads_are_what_it_says() -> None:
    emulator = Emulator()
    connection = make_connection(emulator.connection())
    keys: list[str] = []
    leads: set[str] = set()
    for sent in emulator.webhooks():
        webhook.verify(sent, connection, NOW)
        keys.append(webhook.event_key(sent, connection))
        try:
            records = list(webhook.parse(Event(sent, NOW), connection))
        except Ignored:
            continue
        leads.update(record.data["id"] for record in records)
        assert webhook.ordering_key(sent, connection) in leads
    assert len(leads) == emulator.expected()["lead"]
    assert len(keys) > len(set(keys)), "repeats are part of the life it shows"
