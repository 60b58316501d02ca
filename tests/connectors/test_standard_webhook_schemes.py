"""How senders prove themselves: each scheme accepts the right request and no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from connectors.standard_webhook import webhook
from hub.registry import make_connection
from hub.sdk.connection import Connection
from hub.sdk.errors import ConfigError, HubError, SignatureError
from hub.sdk.request import RawRequest

NOW = datetime(2026, 1, 12, 15, 21, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
BODY = '{"type":"lead","lead":{"id":1,"name":"Анна"}}'.encode()


def connect(secret: str | list[str] = "s3cr3t", **settings: Any) -> Connection:
    return make_connection(
        {
            "connector": "standard_webhook",
            "settings": {"records": [{"entity": "lead"}], **settings},
            "secrets": {"secret": secret},
        }
    )


def request(
    headers: Mapping[str, str] | None = None, body: bytes = BODY, query: str = ""
) -> RawRequest:
    return RawRequest(body=body, headers=tuple((headers or {}).items()), query=query)


def refused(sent: RawRequest, connection: Connection, now: datetime = NOW) -> str:
    with pytest.raises(SignatureError) as caught:
        webhook.verify(sent, connection, now)
    return caught.value.message


def hexdigest(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class TestStandard:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    connection = connect(secret, scheme="standard")

    def signed(self, prefix: str = "webhook", **changed: str) -> RawRequest:
        body = BODY.decode()
        signature = Webhook(self.secret).sign("msg_1", NOW, body)
        values = {"id": "msg_1", "timestamp": STAMP, "signature": signature, **changed}
        return request({f"{prefix}-{name}": value for name, value in values.items()})

    def test_published_vector(self) -> None:
        sent = request(
            {
                "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "webhook-timestamp": "1614265330",
                "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            },
            b'{"test": 2432232314}',
        )
        webhook.verify(sent, self.connection, datetime.fromtimestamp(1614265330, UTC))
        assert webhook.event_key(sent, self.connection) == "msg_p5jXN8AQM9LWM0D4loKWxJek"

    @pytest.mark.parametrize("prefix", ["webhook", "svix", "Webhook"])
    def test_reference_library_and_svix_names_pass(self, prefix: str) -> None:
        webhook.verify(self.signed(prefix), self.connection, NOW)

    def test_one_good_signature_among_several_is_enough(self) -> None:
        good = Webhook(self.secret).sign("msg_1", NOW, BODY.decode())
        webhook.verify(self.signed(signature=f"v1a,AAAA v1,bm8= {good}"), self.connection, NOW)

    def test_old_and_new_secret_are_valid_during_rotation(self) -> None:
        both = connect(["whsec_bmV3LXNlY3JldC1rZXktMDAwMDAwMDA=", self.secret], scheme="standard")
        webhook.verify(self.signed(), both, NOW)

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_stale_or_early_stamp_is_refused(self, seconds: int) -> None:
        late = NOW - timedelta(seconds=seconds)
        assert "300 seconds off" in refused(self.signed(), self.connection, late)

    def test_tolerance_is_a_setting(self) -> None:
        patient = connect(self.secret, scheme="standard", tolerance_seconds=3600)
        webhook.verify(self.signed(), patient, NOW + timedelta(minutes=50))

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"id": "msg_2"}, "does not match"),
            ({"timestamp": str(int(STAMP) + 1)}, "does not match"),
            ({"signature": "v1,"}, "does not match"),
            ({"signature": "v2,AAAA"}, "does not match"),
            ({"signature": " "}, "does not match|missing"),
            ({"id": ""}, "missing"),
            ({"timestamp": "soon"}, "does not match"),
            ({"timestamp": "9" * 400}, "does not match"),
        ],
    )
    def test_changed_header_is_refused(self, changed: dict[str, str], reason: str) -> None:
        message = refused(self.signed(**changed), self.connection)
        assert any(part in message for part in reason.split("|"))

    @pytest.mark.parametrize("stamp", ["soon", "9" * 400, "9" * 5000])
    def test_signed_nonsense_stamp_is_refused(self, stamp: str) -> None:
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"m.{stamp}.".encode() + BODY, "sha256")
        signature = "v1," + base64.b64encode(digest).decode()
        sent = self.signed(id="m", timestamp=stamp, signature=signature)
        assert "timestamp" in refused(sent, self.connection)

    def test_secret_that_is_not_base64_is_the_admins_error(self) -> None:
        wrong = connect("whsec_это не base64", scheme="standard")
        with pytest.raises(ConfigError, match=r"secrets\.secret") as caught:
            webhook.verify(self.signed(), wrong, NOW)
        assert "это" not in str(caught.value)


class TestHmac:
    connection = connect(scheme="hmac", header="X-Hub-Signature-256", prefix="sha256=")

    def sent(self, value: str, body: bytes = BODY) -> RawRequest:
        return request({"x-hub-signature-256": value}, body)

    def test_documented_github_vector(self) -> None:
        connection = connect(
            "It's a Secret to Everybody",
            scheme="hmac",
            header="X-Hub-Signature-256",
            prefix="sha256=",
        )
        value = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        webhook.verify(self.sent(value, b"Hello, World!"), connection, NOW)

    def test_hex_in_upper_case_passes(self) -> None:
        digest = hexdigest("s3cr3t", BODY).upper()
        webhook.verify(self.sent(f"sha256={digest}"), self.connection, NOW)

    def test_base64_without_a_prefix(self) -> None:
        connection = connect(scheme="hmac", encoding="base64")
        digest = hmac.digest(b"s3cr3t", BODY, "sha256")
        signature = base64.b64encode(digest).decode()
        webhook.verify(request({"X-Signature": signature}), connection, NOW)
        assert "does not match" in refused(request({"X-Signature": digest.hex()}), connection)

    @pytest.mark.parametrize("algorithm", ["sha1", "sha512"])
    def test_other_hashes(self, algorithm: str) -> None:
        connection = connect(scheme="hmac", algorithm=algorithm)
        signature = hmac.digest(b"s3cr3t", BODY, algorithm).hex()
        webhook.verify(request({"X-Signature": signature}), connection, NOW)
        assert refused(request({"X-Signature": hexdigest("s3cr3t", BODY)}), connection)

    def test_both_secrets_are_valid_during_rotation(self) -> None:
        connection = connect(["new", "old"], scheme="hmac")
        for secret in ("new", "old"):
            sent = request({"X-Signature": hexdigest(secret, BODY)})
            webhook.verify(sent, connection, NOW)

    @pytest.mark.parametrize("value", ["", "sha256=", "sha256=00", "sha256=подпись"])
    def test_missing_or_wrong_signature_is_refused(self, value: str) -> None:
        assert refused(self.sent(value), self.connection)

    def test_any_changed_byte_is_refused(self) -> None:
        value = f"sha256={hexdigest('s3cr3t', BODY)}"
        for place in range(len(BODY)):
            broken = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
            assert refused(self.sent(value, broken), self.connection)

    def test_empty_secret_never_verifies(self) -> None:
        empty = connect("", scheme="hmac")
        with pytest.raises(ConfigError, match=r"secrets\.secret"):
            webhook.verify(request({"X-Signature": hexdigest("", BODY)}), empty, NOW)


class TestStripe:
    connection = connect(scheme="stripe")

    def header(self, *pairs: tuple[str, str]) -> RawRequest:
        return request({"Stripe-Signature": ",".join("=".join(pair) for pair in pairs)})

    def digest(self, stamp: str = STAMP, secret: str = "s3cr3t") -> str:
        return hexdigest(secret, f"{stamp}.".encode() + BODY)

    def test_signature_passes(self) -> None:
        webhook.verify(
            self.header(("t", STAMP), ("v1", self.digest()), ("v0", "6f")), self.connection, NOW
        )

    def test_one_of_two_signatures_is_enough(self) -> None:
        sent = self.header(("t", STAMP), ("v1", self.digest(secret="old")), ("v1", self.digest()))
        webhook.verify(sent, self.connection, NOW)

    def test_the_weak_scheme_v0_does_not_count(self) -> None:
        assert "missing" in refused(
            self.header(("t", STAMP), ("v0", self.digest())), self.connection
        )

    def test_old_stamp_is_refused(self) -> None:
        sent = self.header(("t", STAMP), ("v1", self.digest()))
        assert "seconds off" in refused(sent, self.connection, NOW + timedelta(seconds=301))

    def test_moved_stamp_is_refused(self) -> None:
        sent = self.header(("t", str(int(STAMP) + 60)), ("v1", self.digest()))
        assert "does not match" in refused(sent, self.connection)

    def test_other_header_name(self) -> None:
        connection = connect(scheme="stripe", header="X-Billing-Signature")
        sent = request({"X-Billing-Signature": f"t={STAMP}, v1={self.digest()}"})
        webhook.verify(sent, connection, NOW)

    @pytest.mark.parametrize("value", ["", "t", "t=,v1=", "v1=00", "t=1;v1=2"])
    def test_broken_header_is_refused(self, value: str) -> None:
        assert refused(request({"Stripe-Signature": value}), self.connection)


class TestToken:
    def test_header_with_a_prefix(self) -> None:
        connection = connect(scheme="token", header="Authorization", prefix="Bearer")
        webhook.verify(request({"authorization": "Bearer s3cr3t"}), connection, NOW)
        assert "does not match" in refused(request({"authorization": "Bearer no"}), connection)
        assert "missing" in refused(request(), connection)

    def test_query(self) -> None:
        connection = connect("к&люч", scheme="token", query="key")
        webhook.verify(request(query="a=1&key=%D0%BA%26%D0%BB%D1%8E%D1%87"), connection, NOW)
        assert refused(request(query="key=s3cr3"), connection)

    def test_field_of_a_json_body(self) -> None:
        connection = connect("42", scheme="token", field="auth.token")
        webhook.verify(request(body=b'{"auth":{"token":42}}'), connection, NOW)
        assert "missing" in refused(request(body=b'{"auth":{"token":[42]}}'), connection)
        assert "cannot be read" in refused(request(body=b"{"), connection)

    def test_field_of_a_form(self) -> None:
        connection = connect(scheme="token", field="auth.token", body="form")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        webhook.verify(request(headers, b"auth%5Btoken%5D=s3cr3t&x=1"), connection, NOW)

    @pytest.mark.parametrize("settings", [{}, {"header": "X-Key", "query": "key"}])
    def test_place_must_be_named_once(self, settings: dict[str, str]) -> None:
        with pytest.raises(ConfigError, match="exactly one"):
            webhook.verify(request({"X-Key": "s3cr3t"}), connect(scheme="token", **settings), NOW)


class TestBasic:
    connection = connect(["пароль", "old:er"], scheme="basic", username="Обмен")

    def sent(self, pair: str) -> RawRequest:
        return request({"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()})

    def test_name_and_password_in_utf8(self) -> None:
        webhook.verify(self.sent("Обмен:пароль"), self.connection, NOW)
        webhook.verify(self.sent("Обмен:old:er"), self.connection, NOW)

    @pytest.mark.parametrize("pair", ["Обмен:", ":пароль", "Обмен:пароль ", "обмен:пароль", ""])
    def test_wrong_pair_is_refused(self, pair: str) -> None:
        assert refused(self.sent(pair), self.connection)

    @pytest.mark.parametrize("value", ["", "Basic", "Basic ***", "Bearer s3cr3t", "Basic é"])
    def test_broken_header_is_refused(self, value: str) -> None:
        assert refused(request({"Authorization": value}), self.connection)

    def test_username_is_required(self) -> None:
        with pytest.raises(ConfigError, match=r"settings\.username"):
            connect(scheme="basic")


def test_errors_do_not_tell_the_secret() -> None:
    connection = connect("top-secret-value", scheme="hmac")
    with pytest.raises(HubError) as caught:
        webhook.verify(request({"X-Signature": "0"}), connection, NOW)
    assert "top-secret-value" not in f"{caught.value!r}{caught.value.detail}{connection!r}"
