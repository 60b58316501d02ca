"""A short answer as one value: what an operation that was told something says back."""

from __future__ import annotations

from typing import Any

from lxml import etree

from connectors._protocols import onec_replies
from connectors._protocols.soap_rows import ERROR_FIELDS, error_said, fault_text
from connectors._protocols.soap_values import children_of, local, plain
from hub.sdk import payload
from hub.sdk.errors import PayloadError, RetryLater
from hub.sdk.xml import load_xml, xml_parser


def reply_of(body: bytes, response: str) -> dict[str, Any]:
    """The response element's parts by name (`return`, out-parameters), texts with JSON or XML open.

    Raises Rejected or RetryLater (fault, ErrorMessage), PayloadError (not this operation's answer).
    """
    try:
        root = etree.fromstring(body, xml_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise RetryLater("ответ 1С оборван", detail=str(error)) from error
    found = next((child for child in root if local(child) == "Body"), None)
    answers = children_of(found) if found is not None else []
    if not answers:
        raise RetryLater("подозрительный ответ 1С: конверт SOAP пуст")
    answer = answers[0]
    if local(answer) == "Fault":
        raise onec_replies.fault(fault_text(answer))
    if local(answer) != response:
        raise PayloadError(f"1С ответила «{local(answer)}» вместо «{response}»")
    said = {local(child): _opened(plain(child)) for child in children_of(answer)}
    for name in ERROR_FIELDS & set(said):
        if name != "return" and isinstance(said[name], str) and said[name]:
            raise error_said(said[name])
    return said


def _opened(value: Any) -> Any:
    """A text that holds JSON or XML as what it holds."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        if text.startswith(("{", "[")):
            return payload.load_json(text.encode())
        if text.startswith("<"):
            return load_xml(text.encode())
    except PayloadError:
        return value
    return value
